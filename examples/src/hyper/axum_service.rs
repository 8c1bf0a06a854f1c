//! The router: files that can be put there, and JSON. Nothing here knows of hyper, sockets or TLS.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{self, DefaultBodyLimit, State},
    http::StatusCode,
    routing::{get, post},
};
use runtime::{fs, shard};
use serde_json::{Value, json};

/// The greatest file that is taken.
const LIMIT_BYTES: usize = 64 << 20;

pub fn routes(folder: PathBuf) -> Router {
    Router::new()
        .route("/", get(async || "GET or PUT /files/NAME, GET /shard, POST /sum\n"))
        .route("/files/{name}", get(read).put(write))
        .route("/shard", get(this_shard))
        .route("/sum", post(sum))
        .layer(DefaultBodyLimit::max(LIMIT_BYTES))
        .with_state(Arc::new(folder))
}

/// The shard that serves this connection, and what its ring has done.
async fn this_shard() -> Json<Value> {
    let counters = runtime::metrics();
    Json(json!({
        "shard": shard::current(),
        "shards": shard::count(),
        "enters": counters.enters,
        "sqes": counters.sqes,
        "wakes": counters.wakes,
    }))
}

/// The sum of a list of numbers; what is not one is refused by axum.
async fn sum(Json(numbers): Json<Vec<f64>>) -> Json<Value> {
    Json(json!({ "sum": numbers.iter().sum::<f64>(), "count": numbers.len() }))
}

async fn read(State(folder): State<Arc<PathBuf>>, name: extract::Path<String>) -> Result<Vec<u8>, StatusCode> {
    fs::read(path(&folder, &name)?).await.map_err(|error| status(&error))
}

async fn write(
    State(folder): State<Arc<PathBuf>>,
    name: extract::Path<String>,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    fs::write(path(&folder, &name)?, body).await.map_err(|error| status(&error))?;
    Ok(StatusCode::CREATED)
}

/// The file of that name, which may not lie in another folder.
fn path(folder: &Path, name: &str) -> Result<PathBuf, StatusCode> {
    let plain = Path::new(name).file_name().is_some_and(|last| last == name);
    if plain { Ok(folder.join(name)) } else { Err(StatusCode::BAD_REQUEST) }
}

fn status(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
