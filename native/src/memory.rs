//! How many tokens texts have that were counted lately: prompts and labels repeat.

use crate::packed::{list, listed, texts};
use std::collections::hash_map::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock};

pub struct Memory {
    limit: usize, // bytes of texts
    seed: u64,
    mask: u64,                // bits of hashes that count
    parts: RwLock<[Part; 2]>, // young ones, and old ones that go when these are many
}

#[derive(Default)]
struct Part {
    places: Hashed<Place>,
    texts: Vec<u8>, // one after the other
}

struct Place {
    start: usize,
    size: usize,
    count: u32,
}

#[derive(Default)]
pub struct Recalled {
    pub counts: Vec<i32>, // of each text; !place among the new ones, if it is one of them
    pub new: Vec<u8>,     // a list, each once
    pub characters: u64,  // of all
}

impl Memory {
    pub fn new(limit: usize, mask: u64) -> Memory {
        Memory {
            limit,
            mask,
            seed: RandomState::new().build_hasher().finish(),
            parts: RwLock::default(),
        }
    }

    /// `said` are packed texts.
    pub fn recall(&self, said: &[u8]) -> Recalled {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let mut places: Hashed<(&[u8], i32)> = HashMap::default();
        let mut new = Vec::new();
        let (mut counts, mut characters) = (Vec::new(), 0);
        for text in texts(said) {
            characters += text.iter().filter(|byte| starts_one(**byte)).count() as u64;
            let hash = self.hash(text);
            let known = parts.iter().find_map(|part| part.count(hash, text));
            counts.push(known.unwrap_or_else(|| {
                let next = !(new.len() as i32);
                let (same, place) = *places.entry(hash).or_insert((text, next));
                if place == next || same != text {
                    new.push(text);
                    return next;
                }
                place
            }));
        }
        Recalled {
            counts,
            new: list(&new),
            characters,
        }
    }

    /// `new` is a list of `recall`.
    pub fn learn(&self, new: &[u8], counts: &[u32]) {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        for (text, count) in listed(new).zip(counts) {
            if parts[0].texts.len() + text.len() > self.limit / 2 {
                parts.swap(0, 1);
                parts[0] = Part::default();
            }
            if text.len() <= self.limit / 2 {
                parts[0].add(self.hash(text), text, *count);
            }
        }
    }

    fn hash(&self, text: &[u8]) -> u64 {
        hash(text, self.seed) & self.mask
    }
}

impl Part {
    fn count(&self, hash: u64, text: &[u8]) -> Option<i32> {
        let place = self.places.get(&hash)?;
        let same = &self.texts[place.start..place.start + place.size];
        (same == text).then_some(place.count as i32)
    }

    fn add(&mut self, hash: u64, text: &[u8], count: u32) {
        let (start, size) = (self.texts.len(), text.len());
        self.texts.extend_from_slice(text);
        self.places.insert(hash, Place { start, size, count });
    }
}

/// Whether a character begins with this byte of UTF-8.
fn starts_one(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Sixteen bytes at a time, many times faster than the standard one. Texts are compared,
/// so whoever found out the seed could only make it slow.
fn hash(text: &[u8], seed: u64) -> u64 {
    let blocks = text.chunks_exact(16);
    let mut last = [0; 16];
    last[..blocks.remainder().len()].copy_from_slice(blocks.remainder());
    let state = blocks.fold(text.len() as u64 ^ seed, |state, block| {
        folded(state, seed, block.try_into().expect("sixteen bytes"))
    });
    folded(state, seed, last)
}

fn folded(state: u64, seed: u64, block: [u8; 16]) -> u64 {
    let both = u128::from_le_bytes(block);
    let (low, high) = (both as u64 ^ state, (both >> 64) as u64 ^ seed);
    let product = u128::from(low) * u128::from(high);
    product as u64 ^ (product >> 64) as u64
}

/// By hashes that are ready.
type Hashed<Item> = HashMap<u64, Item, BuildHasherDefault<Ready>>;

#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are hashes")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;
    use crate::packed::{list, listed};

    /// What is not known of these texts, after which it is.
    fn new_of(memory: &Memory, said: &[&[u8]]) -> usize {
        let recalled = memory.recall(&list(said)[5..]);
        let new: Vec<&[u8]> = listed(&recalled.new).collect();
        for (text, count) in said.iter().zip(&recalled.counts) {
            match usize::try_from(*count) {
                Ok(count) => assert_eq!(count, text.len()),
                Err(_) => assert_eq!(new[!*count as usize], *text),
            }
        }
        let counts: Vec<u32> = new.iter().map(|text| text.len() as u32).collect();
        memory.learn(&recalled.new, &counts);
        new.len()
    }

    #[test]
    fn each_text_is_counted_once() {
        let memory = Memory::new(1000, u64::MAX);
        assert_eq!(new_of(&memory, &[b"one", b"three", b"one"]), 2);
        assert_eq!(new_of(&memory, &[b"three", b"four"]), 1);
    }

    #[test]
    fn texts_with_the_same_hash_are_told_apart() {
        let memory = Memory::new(1000, 0);
        for _ in 0..3 {
            new_of(&memory, &[b"one", b"three", b"three", b"one"]);
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let memory = Memory::new(8, u64::MAX);
        assert_eq!(new_of(&memory, &[b"one"]), 1);
        assert_eq!(new_of(&memory, &[b"two"]), 1); // "one" is old now
        assert_eq!(new_of(&memory, &[b"one"]), 0);
        assert_eq!(new_of(&memory, &[b"six"]), 1);
        assert_eq!(new_of(&memory, &[b"one"]), 1);
        assert_eq!(new_of(&memory, &[b"longer"]), 1);
        assert_eq!(new_of(&memory, &[b"longer"]), 1);
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let memory = Memory::new(0, u64::MAX);
        let said = list(&["h\u{e9}".as_bytes(), "\u{1f600}".as_bytes()]);
        assert_eq!(memory.recall(&said[5..]).characters, 3);
    }
}
