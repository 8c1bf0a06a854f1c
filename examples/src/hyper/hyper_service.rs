//! The plain service: a greeting, and the files of a folder, on hyper alone.

use std::{
    convert::Infallible,
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http_body_util::{Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{ALLOW, CONTENT_TYPE},
    service::Service,
};
use runtime::{
    fs::{Dir, File, OpenOptions},
    io::{AsyncRead, ReadBuf},
};

/// What one frame of a file's body has at most, in bytes.
const FRAME: usize = 64 << 10;

/// A body that is there as a whole, or one that comes from a file.
type Answer = Either<Full<Bytes>, FileBody>;

/// Answers GET: `/` with a greeting, all else with the file of that path.
#[derive(Clone, Debug)]
pub struct Files {
    folder: Arc<PathBuf>,
}

impl Files {
    pub fn new(folder: PathBuf) -> Files {
        Files { folder: Arc::new(folder) }
    }
}

impl<B: Send + 'static> Service<Request<B>> for Files {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let folder = self.folder.clone();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        Box::pin(async move { Ok(answer(&method, &path, &folder).await) })
    }
}

async fn answer(method: &Method, path: &str, folder: &Path) -> Response<Answer> {
    if method != Method::GET {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET"));
        return refused;
    }
    if path == "/" {
        return text(StatusCode::OK, "hello\n");
    }
    match open(folder, path).await {
        Ok(body) => Response::new(Either::Right(body)),
        Err(error) => match error.kind() {
            io::ErrorKind::PermissionDenied => text(StatusCode::FORBIDDEN, "not for you\n"),
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::CrossesDevices
            | io::ErrorKind::InvalidInput => text(StatusCode::NOT_FOUND, "no such file\n"),
            _ => text(StatusCode::INTERNAL_SERVER_ERROR, "cannot read it\n"),
        },
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Opens a file below the folder; the kernel refuses a path that leads out of it.
async fn open(folder: &Path, path: &str) -> io::Result<FileBody> {
    let path = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8();
    let path = path.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let dir = Dir::open(folder).await?;
    let file = OpenOptions::new().read(true).beneath(true).open_at(&dir, &*path).await?;
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(FileBody { file, left: metadata.len(), buffer: vec![0; FRAME] })
}

/// A file as a body, frame by frame. A file that becomes shorter meanwhile ends it with an error, which ends the
/// connection: the length was promised.
#[derive(Debug)]
pub struct FileBody {
    file: File,
    left: u64,
    buffer: Vec<u8>,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let FileBody { file, left, buffer } = &mut *self;
        let take = usize::try_from(*left).unwrap_or(FRAME).min(FRAME);
        let mut buf = ReadBuf::new(&mut buffer[..take]);
        ready!(Pin::new(file).poll_read(cx, &mut buf))?;
        let bytes = Bytes::copy_from_slice(buf.filled());
        if bytes.is_empty() {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        *left -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
