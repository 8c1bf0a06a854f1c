//! What an output makes of the results that a plan brings, and the single ops that a plan's remainder takes.
//!
//! A short write is a failure inside a plan. Outside it is not: the kernel took a part, and the next write either takes
//! the rest or says why not (no room on the device, say). So short writes are finished here.

use std::io;

use runtime::{buf::IoBuf, is_not_run};

use crate::{buffers::Buffer, failure::Failure, outputs::Output};

impl Output {
    pub fn failure(&self, error: &io::Error) -> Failure {
        Failure::of("write to", &self.path, error)
    }

    /// Takes the result of a write of `bytes` at `at` that was part of a plan.
    pub async fn written(&self, result: io::Result<()>, bytes: Buffer, at: u64) -> Result<Buffer, Failure> {
        match result {
            Ok(()) => Ok(bytes),
            Err(error) if is_short(&error) => self.write(bytes, at).await,
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Writes all of `bytes` at `at`, with as many single ops as it takes. Pipes and the like pay no attention to `at`.
    pub async fn write(&self, mut bytes: Buffer, at: u64) -> Result<Buffer, Failure> {
        let mut done = 0;
        while done < bytes.len() {
            let rest = bytes.slice(done..);
            let (result, rest) = self.file.write_at(rest, at + done as u64).await;
            bytes = rest.into_inner();
            done += match result {
                Ok(0) => return Err(self.failure(&io::ErrorKind::WriteZero.into())),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(self.failure(&error)),
            };
        }
        Ok(bytes)
    }

    /// Takes the result of a sync that was part of a plan. It was not run if a short write had to be finished first.
    pub async fn synced(&self, result: io::Result<()>) -> Result<(), Failure> {
        match result {
            Err(error) if is_not_run(&error) => self.sync().await,
            result => result.map_err(|error| self.failure(&error)),
        }
    }

    pub async fn sync(&self) -> Result<(), Failure> {
        if self.is_stream {
            return Ok(());
        }
        self.file.sync_data().await.map_err(|error| self.failure(&error))
    }
}

/// The kernel took a part of a write, or was interrupted before any.
pub fn is_short(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WriteZero | io::ErrorKind::Interrupted)
}
