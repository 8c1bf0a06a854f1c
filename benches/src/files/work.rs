// The programs; included by each peer's module, which has the words that they are written in.

use std::{cell::Cell, rc::Rc};

use super::{BLOCK, Place, RECORD, TASKS, fresh, offset};

/// Each task takes the next number until there are no more.
async fn all<F, Fut>(count: usize, work: F)
where
    F: Fn(Rc<Cell<usize>>) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let next = Rc::new(Cell::new(count));
    let tasks: Vec<_> = (0..TASKS).map(|_| spawn(work(next.clone()))).collect();
    for task in tasks {
        joined(task).await;
    }
}

fn take(next: &Cell<usize>) -> Option<usize> {
    let n = next.get().checked_sub(1)?;
    next.set(n);
    Some(n)
}

pub fn appends(place: &Place) {
    let (path, count) = (place.log(), place.appends);
    fresh(&path);
    run(async move {
        let (file, end) = (Rc::new(open(path).await), Rc::new(Cell::new(0)));
        all(count, |next| {
            let (file, end) = (file.clone(), end.clone());
            async move {
                let mut record = vec![1; RECORD];
                while take(&next).is_some() {
                    let place = end.replace(end.get() + RECORD as u64);
                    record = write(&file, record, place).await;
                    sync(&file).await;
                }
            }
        })
        .await;
    });
}

pub fn buffered_writes(place: &Place) {
    let (path, count) = (place.large(), place.reads / 4);
    run(async move {
        let file = Rc::new(open(path).await);
        all(count, |next| {
            let file = file.clone();
            async move {
                let mut block = vec![1; BLOCK];
                while let Some(n) = take(&next) {
                    block = write(&file, block, offset(n)).await;
                }
            }
        })
        .await;
    });
}

pub fn cached_reads(place: &Place) {
    let (path, count) = (place.large(), place.reads);
    run(async move {
        let file = Rc::new(open(path).await);
        all(count, |next| {
            let file = file.clone();
            async move {
                let mut block = vec![0; BLOCK];
                while let Some(n) = take(&next) {
                    block = read(&file, block, offset(n)).await;
                }
            }
        })
        .await;
    });
}

pub fn small_files(place: &Place) {
    let paths: Rc<Vec<_>> = Rc::new((0..place.files).map(|n| place.small(n)).collect());
    run(async move {
        all(paths.len(), |next| {
            let paths = paths.clone();
            async move {
                let mut block = vec![0; BLOCK];
                while let Some(n) = take(&next) {
                    let file = open_to_read(&paths[n]).await;
                    block = read(&file, block, 0).await;
                    close(file).await;
                }
            }
        })
        .await;
    });
}
