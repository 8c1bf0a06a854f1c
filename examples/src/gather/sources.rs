//! The sources, opened as the copy comes to them, and cut into batches.

use std::{collections::VecDeque, fs, io, path::PathBuf, rc::Rc, vec};

use runtime::{Lowering, fs::File, join_all};

use crate::{
    blocks::{Batch, Block, Source},
    failure::Failure,
    job::{How, Settings},
    outputs::Identity,
};

/// Files opened at once, and the most that one batch touches. With 16 plans in flight that is 544 files, which leaves
/// room under the usual RLIMIT_NOFILE of 1024.
const FILES_MAX: usize = 32;

/// Looks at all sources before anything is opened or created: most mistakes are found here, at a microsecond a file.
/// Gives their total size and who they are.
pub fn inspect(paths: &[PathBuf]) -> Result<(u64, Vec<Identity>), Failure> {
    let mut total = 0;
    let mut identities = Vec::with_capacity(paths.len());
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| Failure::of("read", path, &error))?;
        check_kind(path.display(), &metadata)?;
        total += metadata.len();
        identities.push(Identity::of(&metadata));
    }
    Ok((total, identities))
}

fn check_kind(path: impl std::fmt::Display, metadata: &fs::Metadata) -> Result<(), Failure> {
    if metadata.is_dir() {
        return Err(Failure::new(format!("cannot read {path}: it is a directory; name the files in it")));
    }
    if !metadata.is_file() {
        return Err(Failure::new(format!(
            "cannot read {path}: it is not a regular file, so its size is not known beforehand; save it to a file first"
        )));
    }
    Ok(())
}

/// The queue of blocks that are still to be copied.
#[derive(Debug)]
pub struct Sources {
    waiting: vec::IntoIter<PathBuf>,
    opened: VecDeque<Rc<Source>>,
    /// How far the first of `opened` has been cut.
    offset: u64,
    /// Where the next block goes.
    at: u64,
    blocks_max: usize,
    await_each: bool,
    lowering: Lowering,
    sync_in_plan: bool,
}

impl Sources {
    pub fn new(paths: Vec<PathBuf>, settings: &Settings) -> Sources {
        Sources {
            waiting: paths.into_iter(),
            opened: VecDeque::new(),
            offset: 0,
            at: 0,
            blocks_max: settings.blocks,
            await_each: settings.how == How::Each,
            lowering: settings.lowering_of_joins(),
            sync_in_plan: settings.sync_in_plan(),
        }
    }

    /// The next batch; `None` once everything has been given out.
    pub async fn next_batch(&mut self) -> Result<Option<Batch>, Failure> {
        let (at, mut blocks, mut files) = (self.at, Vec::with_capacity(self.blocks_max), 0);
        while blocks.len() < self.blocks_max && files < FILES_MAX {
            let Some(source) = self.current().await? else { break };
            files += 1;
            while blocks.len() < self.blocks_max && self.offset < source.size {
                let block = Block::cut(&source, self.offset, self.at);
                self.offset += block.len as u64;
                self.at += block.len as u64;
                blocks.push(block);
            }
        }
        let whole = self.sync_in_plan && at == 0 && self.current().await?.is_none();
        Ok((!blocks.is_empty()).then_some(Batch { blocks, at, whole }))
    }

    /// The file that is being cut: the next one that has bytes left.
    async fn current(&mut self) -> Result<Option<Rc<Source>>, Failure> {
        loop {
            match self.opened.front() {
                Some(source) if self.offset < source.size => return Ok(Some(source.clone())),
                Some(_) => {
                    self.opened.pop_front();
                    self.offset = 0;
                }
                None if self.waiting.len() == 0 => return Ok(None),
                None => self.open_some().await?,
            }
        }
    }

    async fn open_some(&mut self) -> Result<(), Failure> {
        let paths: Vec<PathBuf> = self.waiting.by_ref().take(FILES_MAX).collect();
        let results = if self.await_each {
            let mut results = Vec::with_capacity(paths.len());
            for path in &paths {
                results.push(File::open(path).await);
            }
            results
        } else {
            join_all(paths.iter().map(File::open)).lowering(self.lowering).await
        };
        for (path, result) in paths.into_iter().zip(results) {
            let source = async {
                let file = result.map_err(|error| Failure::of("open", &path, &error))?;
                let metadata = file.metadata().await.map_err(|error| Failure::of("read", &path, &error))?;
                check_kind(path.display(), &metadata)?;
                let source = Source { path, file, size: metadata.len() };
                check_empty(&source).await?;
                Ok(Rc::new(source))
            };
            self.opened.push_back(source.await?);
        }
        Ok(())
    }
}

/// Files of /proc say that they are empty, and are not. A copy of nothing would be wrong, and silent.
async fn check_empty(source: &Source) -> Result<(), Failure> {
    if source.size > 0 {
        return Ok(());
    }
    match source.file.read_at(vec![0; 1], 0).await {
        (Ok(0), _) => Ok(()),
        (Ok(_), _) => Err(Failure::new(format!(
            "cannot read {}: it says that its size is 0, and it is not empty; save it to an ordinary file first",
            source.path.display()
        ))),
        (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        (Err(error), _) => Err(Failure::of("read", &source.path, &error)),
    }
}
