//! Outputs: written under a temporary name, given their own at the end.

use std::{
    fs::{self, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    rc::Rc,
};

use runtime::fs::File;
use tempfile::TempPath;

use crate::{cleanup, failure::Failure};

/// Which file it is, by whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub fn of(metadata: &Metadata) -> Identity {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// An output as plans see it.
#[derive(Debug)]
pub struct Output {
    /// The name that the user knows it by.
    pub path: PathBuf,
    pub file: File,
    /// A pipe or a device: no offsets, no sync, nothing to rename.
    pub is_stream: bool,
}

/// The way from the temporary name to the final one.
#[derive(Debug)]
struct Rename {
    from: TempPath,
    to: PathBuf,
    /// Of the file that is replaced.
    permissions: Option<Permissions>,
}

/// All outputs of a copy. Dropping it without [`commit`](Outputs::commit) removes what was written.
#[derive(Debug)]
pub struct Outputs {
    pub all: Rc<[Output]>,
    renames: Vec<Rename>,
}

impl Outputs {
    /// Checks the outputs, and creates their temporary files.
    pub fn prepare(paths: &[PathBuf], sources: &[(PathBuf, Identity)]) -> Result<Outputs, Failure> {
        let places = paths.iter().map(|path| Place::find(path)).collect::<Result<Vec<_>, _>>()?;
        check_distinct(&places, sources)?;
        let (mut all, mut renames) = (Vec::new(), Vec::new());
        for place in places {
            let (output, rename) = place.create()?;
            all.push(output);
            renames.extend(rename);
        }
        Ok(Outputs { all: all.into(), renames })
    }

    /// Gives the outputs their names. After a crash each name has its old content or its new one, whole: the bytes were
    /// synced before.
    pub fn commit(self) -> Result<(), Failure> {
        for Rename { from, to, permissions } in self.renames {
            let renamed = permissions.map_or(Ok(()), |permissions| fs::set_permissions(&from, permissions));
            renamed
                .and_then(|()| from.persist(&to).map_err(|error| error.error))
                .map_err(|error| Failure::of("replace", &to, &error))?;
        }
        Ok(())
    }
}

/// Where an output will be.
#[derive(Debug)]
struct Place {
    shown: PathBuf,
    /// Free of symbolic links, but for a stream.
    real: PathBuf,
    existing: Option<Metadata>,
}

impl Place {
    fn find(path: &Path) -> Result<Place, Failure> {
        let failure = |error: io::Error| Failure::of("write to", path, &error);
        let existing = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failure(error)),
        };
        let real = match &existing {
            Some(metadata) if metadata.is_dir() => return Err(failure(io::ErrorKind::IsADirectory.into())),
            Some(metadata) if metadata.is_file() => {
                // A rename asks only for the folder's permission; a file that is closed to writing stays so.
                OpenOptions::new().write(true).open(path).map_err(failure)?;
                fs::canonicalize(path).map_err(failure)?
            }
            Some(_) => path.to_path_buf(),
            None => Place::new_name(path)?,
        };
        Ok(Place { shown: path.to_path_buf(), real, existing })
    }

    /// The full name of a file that does not exist yet.
    fn new_name(path: &Path) -> Result<PathBuf, Failure> {
        let failure = |error: io::Error| Failure::of("write to", path, &error);
        if fs::symlink_metadata(path).is_ok() {
            let text = "it is a symbolic link to a file that does not exist";
            return Err(failure(io::Error::new(io::ErrorKind::NotFound, text)));
        }
        let ends_in_name = !path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let Some(name) = path.file_name().filter(|_| ends_in_name) else {
            return Err(failure(io::Error::new(io::ErrorKind::InvalidInput, "this is not the name of a file")));
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(fs::canonicalize(folder).map_err(failure)?.join(name))
    }

    fn is_stream(&self) -> bool {
        self.existing.as_ref().is_some_and(|metadata| !metadata.is_file())
    }

    fn create(self) -> Result<(Output, Option<Rename>), Failure> {
        let failure = |error: io::Error| Failure::of("write to", &self.shown, &error);
        if self.is_stream() {
            // Opening a pipe waits for its reader, as the shell's `>` does.
            let file = OpenOptions::new().write(true).open(&self.real).map_err(failure)?;
            return Ok((Output { path: self.shown, file: file.into(), is_stream: true }, None));
        }
        let folder = self.real.parent().unwrap_or(Path::new("/"));
        // Of tempfile only the naming: its own files are closed to others, and its errors carry the temporary name. The
        // mode is cut by the umask, as that of any new file is.
        let create = |path: &Path| OpenOptions::new().read(true).write(true).create_new(true).mode(0o666).open(path);
        let temporary = tempfile::Builder::new().prefix(".gather-").make_in(folder, create).map_err(failure)?;
        let (file, from) = temporary.into_parts();
        cleanup::register(&from);
        let permissions = self.existing.as_ref().map(Metadata::permissions);
        let rename = Rename { from, to: self.real, permissions };
        Ok((Output { path: self.shown, file: file.into(), is_stream: false }, Some(rename)))
    }
}

/// No output may be a source, nor another output: by file where there is one, by name where there is none yet.
fn check_distinct(places: &[Place], sources: &[(PathBuf, Identity)]) -> Result<(), Failure> {
    let same = |a: &Path, b: &Path, what: &str| {
        let (a, b) = (a.display(), b.display());
        Failure::new(format!("output {a} is the same file as {what} {b}; give it another name"))
    };
    for (index, place) in places.iter().enumerate() {
        let identity = place.existing.as_ref().map(Identity::of);
        if let Some((source, _)) = sources.iter().find(|(_, source)| identity == Some(*source)) {
            return Err(same(&place.shown, source, "source"));
        }
        let is_place = |other: &&Place| match (identity, other.existing.as_ref().map(Identity::of)) {
            (Some(identity), Some(other)) => identity == other,
            _ => place.real == other.real,
        };
        if let Some(other) = places[..index].iter().find(is_place) {
            return Err(same(&place.shown, &other.shown, "output"));
        }
    }
    Ok(())
}
