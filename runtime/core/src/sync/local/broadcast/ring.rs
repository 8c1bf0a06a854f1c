//! The last so many values, each for as many receivers as there were when it was sent.

use std::rc::Rc;

/// No function in here runs user code: values that are over are handed to the caller.
pub(super) struct Ring<T> {
    /// Grows to `capacity`; value number `n` lies in place `n % capacity`.
    places: Vec<Place<T>>,
    /// A power of two.
    capacity: usize,
    /// The number of the value to come.
    end: u64,
}

struct Place<T> {
    /// Counted, because a receiver clones the value when the ring is not borrowed. In use again if nobody else has it.
    value: Rc<Option<T>>,
    /// How many receivers have yet to receive it.
    left: usize,
}

/// What comes next for a receiver.
pub(super) enum Next<T> {
    /// Nothing yet.
    Empty,
    /// So many values are gone.
    Overwritten(u64),
    /// A value, of which this receiver's part is over.
    Value(Taken<T>),
}

pub(super) enum Taken<T> {
    /// To be cloned: others have yet to receive it, or are cloning it.
    Shared(Rc<Option<T>>),
    /// The last receiver has it.
    Whole(T),
}

/// What was in a place before.
pub(super) type Overwritten<T> = (Option<T>, Option<Rc<Option<T>>>);

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Ring<T> {
        assert!(capacity > 0, "broadcast channel capacity cannot be zero");
        assert!(capacity <= usize::MAX >> 1, "broadcast channel capacity exceeded `usize::MAX / 2`");
        Ring { places: Vec::new(), capacity: capacity.next_power_of_two(), end: 0 }
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The number of the oldest value that may be there.
    fn start(&self) -> u64 {
        self.end.saturating_sub(self.capacity as u64)
    }

    fn index(&self, number: u64) -> usize {
        (number % self.capacity as u64) as usize
    }

    /// Adds a value for `receivers`; gives back what has to go, to be dropped.
    pub(super) fn push(&mut self, value: T, receivers: usize) -> Overwritten<T> {
        let index = self.index(self.end);
        self.end += 1;
        let Some(place) = self.places.get_mut(index) else {
            self.places.push(Place { value: Rc::new(Some(value)), left: receivers });
            return (None, None);
        };
        place.left = receivers;
        match Rc::get_mut(&mut place.value) {
            Some(free) => (free.replace(value), None),
            None => (None, Some(std::mem::replace(&mut place.value, Rc::new(Some(value))))),
        }
    }

    /// Value `number`, for a receiver that has not had it.
    pub(super) fn take(&mut self, number: u64) -> Next<T> {
        if number >= self.end {
            return Next::Empty;
        }
        if number < self.start() {
            return Next::Overwritten(self.start() - number);
        }
        let index = self.index(number);
        let place = &mut self.places[index];
        place.left -= 1;
        if place.left > 0 {
            return Next::Value(Taken::Shared(place.value.clone()));
        }
        Next::Value(match Rc::get_mut(&mut place.value).and_then(Option::take) {
            Some(value) => Taken::Whole(value),
            // Another receiver is cloning it just now: it goes with the last of the two.
            None => Taken::Shared(std::mem::replace(&mut place.value, Rc::new(None))),
        })
    }

    #[cfg(test)]
    pub(super) fn addresses(&self) -> Vec<*const Option<T>> {
        self.places.iter().map(|place| Rc::as_ptr(&place.value)).collect()
    }

    /// How many values have not been received by all.
    pub(super) fn len(&self) -> usize {
        // Receivers take values in order, so those that are over come first.
        let mut over = self.start();
        let mut end = self.end;
        while over < end {
            let middle = over + (end - over) / 2;
            match self.places[self.index(middle)].left {
                0 => over = middle + 1,
                _ => end = middle,
            }
        }
        (self.end - over) as usize
    }
}
