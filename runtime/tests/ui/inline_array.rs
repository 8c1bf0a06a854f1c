use runtime::fs::File;

async fn read(file: File) {
    let _ = file.read_at([0u8; 16], 0).await;
}

fn main() {}
