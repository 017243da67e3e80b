//! What Python calls: a batch of lines is scanned, texts are remembered with their tokens.
//!
//! `datasets/core/validation/native.py` is the other side of it.

mod json;
mod judge;
mod lines;
mod memory;
mod packed;
mod turns;

use crate::judge::{Judge, Rules};
use crate::lines::{Line, Reader};
use crate::memory::{Memory, Recalled};
use std::mem::size_of;
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::slice::from_raw_parts;
use std::sync::Once;

/// Python compares these with the sizes of its own before it calls anything.
#[no_mangle]
pub static LAYOUT_SIZES: [usize; 4] = [
    size_of::<Text>(),
    size_of::<Rules>(),
    size_of::<Line>(),
    size_of::<Found>(),
];

/// Bytes of Python's, or of ours that it copies.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    start: *const u8,
    size: usize,
}

/// What was found; Python copies it and gives it back to `release`.
#[repr(C)]
pub struct Found {
    lines: Text,  // `Line`s
    said: Text,   // the texts of the messages of lines of the everyday form, packed
    roles: Text,  // the first letter of the role of each
    counts: Text, // the tokens of each, see `Recalled`; with a memory
    new: Text,    // a list of the texts that are to be counted; with a memory
    characters: u64,
}

/// `Found`, which Python sees, and what it points into.
#[repr(C)]
struct Owned {
    found: Found,
    _read: Reader,
    _recalled: Recalled,
}

/// Without rules nothing is judged, and no line is clean. Null after a panic.
///
/// # Safety
/// All pointers must be valid for the sizes beside them, as long as the call lasts.
#[no_mangle]
pub unsafe extern "C" fn scan(
    text: Text,
    rules: *const Rules,
    memory: *const Memory,
) -> *mut Found {
    hide_panics();
    let text = bytes(text);
    let owned = catch_unwind(AssertUnwindSafe(|| {
        let judge = rules.as_ref().map(|rules| Judge::new(rules, text));
        let read = Reader::read(text, judge.as_ref());
        let recalled = memory.as_ref().map(|memory| memory.recall(&read.said));
        let recalled = recalled.unwrap_or_default();
        let found = Found {
            lines: view(&read.lines),
            said: view(&read.said),
            roles: view(&read.roles),
            counts: view(&recalled.counts),
            new: view(&recalled.new),
            characters: recalled.characters,
        };
        Box::new(Owned {
            found,
            _read: read,
            _recalled: recalled,
        })
    }));
    owned.map_or(std::ptr::null_mut(), |owned| Box::into_raw(owned).cast())
}

/// A panic's own message may quote the data: it is not printed, only where it happened.
fn hide_panics() {
    static ONCE: Once = Once::new();
    if cfg!(test) {
        return; // there the message is wanted
    }
    ONCE.call_once(|| {
        set_hook(Box::new(|panic| {
            if let Some(place) = panic.location() {
                eprintln!("slmgen: native code gave up at {}", place);
            }
        }));
    });
}

/// # Safety
/// `found` must come from `scan`, and be given back only once.
#[no_mangle]
pub unsafe extern "C" fn release(found: *mut Found) {
    drop(Box::from_raw(found.cast::<Owned>()));
}

/// A memory of so many bytes of texts, to be given back to `forget`.
#[no_mangle]
pub extern "C" fn memory(limit: usize, mask: u64) -> *mut Memory {
    Box::into_raw(Box::new(Memory::new(limit, mask)))
}

/// # Safety
/// `memory` must come from `memory`, `new` from `scan`; `counts` must be `size` many.
#[no_mangle]
pub unsafe extern "C" fn learn(memory: *const Memory, new: Text, counts: *const u32, size: usize) {
    let counts = from_raw_parts(counts, size);
    // What is not remembered is counted again.
    let _ = catch_unwind(AssertUnwindSafe(|| (*memory).learn(bytes(new), counts)));
}

/// # Safety
/// `memory` must come from `memory`, and be given back only once.
#[no_mangle]
pub unsafe extern "C" fn forget(memory: *mut Memory) {
    drop(Box::from_raw(memory));
}

unsafe fn bytes<'a>(text: Text) -> &'a [u8] {
    match text.size {
        0 => &[],
        size => from_raw_parts(text.start, size),
    }
}

fn view<Item>(items: &[Item]) -> Text {
    Text {
        start: items.as_ptr().cast(),
        size: std::mem::size_of_val(items),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, forget, learn, memory, release, scan, view};
    use crate::judge::tests::{broken, rules};
    use crate::packed::listed;
    use std::ptr::null;

    const ROW: &[u8] =
        br#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}"#;

    #[test]
    fn a_batch_is_scanned_and_given_back() {
        unsafe {
            let found = scan(view(ROW), &rules(), null());
            assert_eq!(bytes((*found).roles), b"ua");
            assert_eq!((*found).counts.size, 0);
            release(found);
        }
    }

    #[test]
    fn what_was_learned_is_not_new() {
        unsafe {
            let memory = memory(1000, u64::MAX);
            let found = scan(view(ROW), null(), memory);
            assert_eq!(listed(bytes((*found).new)).count(), 2);
            learn(memory, (*found).new, [7, 8].as_ptr(), 2);
            release(found);
            let found = scan(view(ROW), null(), memory);
            assert_eq!(listed(bytes((*found).new)).count(), 0);
            release(found);
            forget(memory);
        }
    }

    #[test]
    fn a_panic_ends_at_the_border() {
        unsafe { assert!(scan(view(ROW), &broken(), null()).is_null()) }
    }
}
