//! What will happen, in order of time and then of arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What will happen. Times are nanoseconds.
///
/// The heap holds places only, since it moves what it holds at each step.
pub(crate) struct Queue<E> {
    /// When, how many were asked for before, and where it lies.
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: Vec<Option<E>>,
    /// Places in `events` that are free again.
    free: Vec<usize>,
    order: u64,
}

impl<E> Queue<E> {
    pub(crate) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), events: Vec::new(), free: Vec::new(), order: 0 }
    }

    pub(crate) fn push(&mut self, at: u64, event: E) {
        self.order += 1;
        let place = match self.free.pop() {
            Some(place) => {
                self.events[place] = Some(event);
                place
            }
            None => {
                self.events.push(Some(event));
                self.events.len() - 1
            }
        };
        self.heap.push(Reverse((at, self.order, place)));
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        self.free.push(place);
        self.events[place].take().map(|event| (at, event))
    }
}
