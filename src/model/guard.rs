//! Code of others that may panic on hostile input, kept from taking the run with it and from talking on its own.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `work`; none when it panicked.
pub fn guard<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    done.ok()
}

/// True while this thread is in [`guard`]: whoever owns the panic hook need not print what will be told otherwise.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none_and_the_mark_is_taken_back() {
        assert_eq!(guard(is_guarded), Some(true));
        assert_eq!(guard(|| guard(|| std::panic::resume_unwind(Box::new("x")))), Some(None::<()>));
        assert!(!is_guarded());
    }
}
