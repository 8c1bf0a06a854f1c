//! Accepting on one shard.

use std::{pin::pin, rc::Rc, time::Duration};

use runtime::{
    net::{TcpListener, TcpStream},
    select, spawn,
    sync::{CancellationToken, local::Semaphore},
    time::sleep,
};

/// How long no connection is accepted after an accept has failed: for want of descriptors, most often.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts until `stop`, each connection into a task of its own, at most `connections` of them at a time. Ends when the
/// last one has.
pub async fn accept<F, Fut>(listener: TcpListener, connections: u32, stop: &CancellationToken, serve: F)
where
    F: Fn(TcpStream) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let places = Rc::new(Semaphore::new(connections as usize));
    let mut incoming = listener.incoming();
    let mut stopped = pin!(stop.cancelled());
    loop {
        // Who has no place is not accepted, so that clients wait, and memory and descriptors are bounded.
        let place = select! {
            biased;
            () = &mut stopped => break,
            place = places.clone().acquire_owned() => place.expect("nobody closes it"),
        };
        let accepted = select! {
            biased;
            () = &mut stopped => break,
            accepted = incoming.next() => accepted,
        };
        match accepted {
            Some(Ok(stream)) => {
                let served = serve(stream);
                spawn(async move {
                    let _place = place;
                    served.await;
                });
            }
            Some(Err(error)) => {
                eprintln!("cannot accept: {error}; trying again in {PAUSE:?}");
                sleep(PAUSE).await;
                incoming = listener.incoming();
            }
            None => incoming = listener.incoming(),
        }
    }
    drop((incoming, listener));
    // Every connection gives its place back.
    let _ = places.acquire_many(connections).await;
}
