//! Work on both sides of a queue: one thread fills and takes in order, the others do what lies between.

use std::collections::VecDeque;
use std::sync::mpsc;

/// How reading is cut into chunks. It changes how long reading takes, and nothing of what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// The most rows of a chunk.
    pub rows: usize,
    /// A chunk is full when it holds this many bytes, even where its rows are few.
    pub bytes: usize,
    /// The most chunks that are filled and not yet taken. 0: all is done by the calling thread.
    pub in_flight: usize,
}

impl Pace {
    /// Chunks that fit the cache, enough of them that no thread waits, few enough that memory stays small.
    pub(super) fn of_this_machine() -> Self {
        const MOST_IN_FLIGHT: usize = 10;
        // A thread of the pool that waits for the pool can wait for ever.
        let is_in_pool = rayon::current_thread_index().is_some();
        let in_flight = if is_in_pool { 0 } else { (rayon::current_num_threads() + 2).min(MOST_IN_FLIGHT) };
        Self { rows: 2048, bytes: 1 << 20, in_flight }
    }
}

/// Fills chunk after chunk until `fill` says that it was the last, lets the pool `work` on several at a time,
/// and hands them to `take` in the order in which they were filled. Chunks are used again, and are to be cleared
/// by `fill`. At most `in_flight` chunks are alive.
pub(super) fn in_order<C: Default + Send>(
    in_flight: usize,
    fill: &mut dyn FnMut(&mut C) -> Filled,
    work: &(dyn Fn(&mut C) + Sync),
    take: &mut dyn FnMut(&mut C),
) {
    rayon::in_place_scope_fifo(|scope| {
        let mut spare: Vec<C> = Vec::new();
        let mut waiting: VecDeque<mpsc::Receiver<C>> = VecDeque::new();
        let mut filled = Filled::More;
        loop {
            while filled == Filled::More && waiting.len() < in_flight.max(1) {
                let mut chunk = spare.pop().unwrap_or_default();
                filled = fill(&mut chunk);
                let (done, receiver) = mpsc::sync_channel(1);
                // A file of one chunk is not worth another thread.
                if in_flight == 0 || (filled == Filled::Last && waiting.is_empty()) {
                    work(&mut chunk);
                    // The receiver is alive.
                    let _ = done.send(chunk);
                } else {
                    scope.spawn_fifo(move |_| {
                        work(&mut chunk);
                        // Nobody waits any more only while a panic unwinds.
                        let _ = done.send(chunk);
                    });
                }
                waiting.push_back(receiver);
            }
            let Some(next) = waiting.pop_front() else { return };
            // No answer means that the work panicked: the scope goes on with that panic.
            let Ok(mut chunk) = next.recv() else { return };
            take(&mut chunk);
            spare.push(chunk);
        }
    });
}

/// Whether there is more to fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    More,
    Last,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_in_the_order_in_which_they_were_filled_and_few_are_alive() {
        for in_flight in [0, 1, 2, 7] {
            let (mut next, mut taken, mut most) = (0, Vec::new(), 0);
            let alive = std::cell::Cell::new(0);
            let mut fill = |chunk: &mut Vec<u64>| {
                chunk.clear();
                chunk.push(next);
                next += 1;
                alive.set(alive.get() + 1);
                if next == 100 { Filled::Last } else { Filled::More }
            };
            let work = |chunk: &mut Vec<u64>| {
                // Later chunks are done sooner.
                let rounds = 100_000 / (chunk[0] + 1);
                chunk.push((0..rounds).fold(0, |sum, round| std::hint::black_box(sum ^ round)));
            };
            in_order(in_flight, &mut fill, &work, &mut |chunk| {
                most = most.max(alive.get());
                alive.set(alive.get() - 1);
                taken.push(chunk[0]);
            });
            assert_eq!(taken, (0..100).collect::<Vec<_>>(), "{in_flight} in flight");
            assert!(most <= in_flight.max(1), "{most} of {in_flight} alive");
        }
    }

    #[test]
    #[should_panic(expected = "the work broke")]
    fn a_panic_at_work_is_not_swallowed() {
        let mut fill = |_: &mut Vec<u8>| Filled::More;
        in_order(3, &mut fill, &|_| panic!("the work broke"), &mut |_| {});
    }
}
