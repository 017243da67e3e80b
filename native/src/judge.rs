//! What is doubtful about a text. The rules come from Python, so that each is written once.

use crate::{bytes, Text};
use std::str::from_utf8;

const PAIRS: usize = 1 << 16;
const SAMPLE: usize = 1 << 14; // bytes that tell which pairs of bytes are frequent

/// What is doubtful, as pointers to Python's bytes; lists are joined by NUL.
#[repr(C)]
pub struct Rules {
    signs: Text,      // to be looked for in every message
    flags: Text,      // a byte for each sign, see below
    window: usize,    // bytes of a message in which a WINDOW sign counts
    starts: Text,     // of an answer that is doubtful, in any case
    ends: Text,       // last characters of a doubtful answer, if it is prose:
    stops: Text,      // with these characters in it,
    sentences: usize, // so many of them,
    prose: usize,     // and so many characters, all ASCII
    closings: Text,   // last characters of a doubtful short answer
    words: Text,      // short answers that are doubtful, in lower case
    short: usize,     // characters
    pub max_line: usize,
    pub max_messages: usize,
}

const OF_ANSWERS: u8 = 1;
const WINDOW: u8 = 2;
const ODD: u8 = 4; // doubtful where there is an odd number of it; one sign at most

/// As Python's `str.isspace`.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter)
}

struct Sign<'a> {
    text: &'a [u8],
    flags: u8,
    place: usize, // of the pair that is looked for
    pair: u16,
}

/// A set of pairs of bytes, two of which are in every sign.
struct Pairs(Box<[bool; PAIRS]>);

impl Pairs {
    fn of<'a>(signs: impl Iterator<Item = &'a Sign<'a>>) -> Pairs {
        let mut has = Box::new([false; PAIRS]);
        signs.for_each(|sign| has[sign.pair as usize] = true);
        Pairs(has)
    }
}

fn pair_at(text: &[u8], place: usize) -> u16 {
    u16::from_le_bytes([text[place], text[place + 1]])
}

pub struct Judge<'a> {
    pub rules: &'a Rules,
    signs: Vec<Sign<'a>>,
    of_answers: Pairs,
    of_others: Pairs,
    starts: Vec<&'a [u8]>,
    firsts: [bool; 256], // bytes with which one of them begins
    ends: &'a str,
    stops: &'a str,
    closings: &'a str,
    words: Vec<&'a [u8]>,
}

impl<'a> Judge<'a> {
    pub unsafe fn new(rules: &'a Rules, text: &[u8]) -> Judge<'a> {
        let mut frequency = vec![0u32; PAIRS];
        for pair in text[..text.len().min(SAMPLE)].windows(2) {
            frequency[pair_at(pair, 0) as usize] += 1;
        }
        let with_pair = |(text, flags): (&'a [u8], &u8)| {
            let places = 0..text.len() - 1;
            let place = places
                .min_by_key(|place| frequency[pair_at(text, *place) as usize])
                .unwrap_or(0);
            Sign {
                text,
                flags: *flags,
                place,
                pair: pair_at(text, place),
            }
        };
        let mut signs: Vec<Sign> = listed(rules.signs)
            .into_iter()
            .zip(bytes(rules.flags))
            .map(with_pair)
            .collect();
        signs.sort_by_key(|sign| sign.pair);
        let starts = listed(rules.starts);
        let mut firsts = [false; 256];
        for first in starts.iter().map(|start| start[0]) {
            firsts[first.to_ascii_lowercase() as usize] = true;
            firsts[first.to_ascii_uppercase() as usize] = true;
        }
        Judge {
            rules,
            of_answers: Pairs::of(signs.iter()),
            of_others: Pairs::of(signs.iter().filter(|sign| sign.flags & OF_ANSWERS == 0)),
            signs,
            starts,
            firsts,
            ends: letters(rules.ends),
            stops: letters(rules.stops),
            closings: letters(rules.closings),
            words: listed(rules.words),
        }
    }

    /// Whether there may be a fault.
    pub fn doubts(&self, said: &str, answers: bool) -> bool {
        (!said.is_empty() && said.chars().all(is_space))
            || (answers && self.doubts_answer(said))
            || self.has_sign(said.as_bytes(), answers)
    }

    fn has_sign(&self, said: &[u8], answers: bool) -> bool {
        let pairs = if answers {
            &self.of_answers
        } else {
            &self.of_others
        };
        let mut is_odd = false;
        let mut next = 0; // where the next of those that are counted may begin
        for (place, two) in said.windows(2).enumerate() {
            let pair = pair_at(two, 0);
            if !pairs.0[pair as usize] {
                continue;
            }
            let first = self.signs.partition_point(|sign| sign.pair < pair);
            let same = self.signs[first..].iter();
            for sign in same.take_while(|sign| sign.pair == pair) {
                let start = match place.checked_sub(sign.place) {
                    Some(start) => start,
                    None => continue,
                };
                if !said[start..].starts_with(sign.text)
                    || (sign.flags & OF_ANSWERS != 0 && !answers)
                    || (sign.flags & WINDOW != 0 && start >= self.rules.window)
                {
                    continue;
                }
                if sign.flags & ODD == 0 {
                    return true;
                }
                if start >= next {
                    is_odd = !is_odd;
                    next = start + sign.text.len();
                }
            }
        }
        is_odd
    }

    fn doubts_answer(&self, said: &str) -> bool {
        let characters = match said.len() {
            many if many > 4 * self.rules.prose.max(self.rules.short) => many,
            _ => said.chars().count(),
        };
        let bare = said.trim_matches(is_space);
        let text = bare.as_bytes();
        let starts = |word: &&[u8]| {
            text.get(..word.len())
                .map_or(false, |start| start.eq_ignore_ascii_case(word))
        };
        let is_short = characters <= self.rules.short;
        let may_start = text
            .first()
            .map_or(false, |first| self.firsts[usize::from(*first)]);
        (may_start && self.starts.iter().any(starts))
            || (is_short && bare.ends_with(|last| self.closings.contains(last)))
            || (is_short
                && self
                    .words
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(text)))
            || (characters >= self.rules.prose
                && said.ends_with(|last| self.ends.contains(last))
                && self.is_prose(bare))
    }

    fn is_prose(&self, text: &str) -> bool {
        let stops = text.matches(|letter| self.stops.contains(letter));
        text.is_ascii() && stops.take(self.rules.sentences).count() == self.rules.sentences
    }
}

unsafe fn listed<'a>(texts: Text) -> Vec<&'a [u8]> {
    bytes(texts).split(|byte| *byte == 0).collect()
}

unsafe fn letters<'a>(text: Text) -> &'a str {
    from_utf8(bytes(text)).expect("Python's text")
}

#[cfg(test)]
pub mod tests {
    use super::{Judge, Rules, ODD, OF_ANSWERS, WINDOW};
    use crate::Text;

    fn text(text: &'static [u8]) -> Text {
        Text {
            start: text.as_ptr(),
            size: text.len(),
        }
    }

    pub fn rules() -> Rules {
        Rules {
            signs: text(b"<|\0sorry\0```"),
            flags: text(&[0, OF_ANSWERS + WINDOW, OF_ANSWERS + ODD]),
            window: 10,
            starts: text(b"I can't"),
            ends: text(b"abc,"),
            stops: text(b".!"),
            sentences: 2,
            prose: 20,
            closings: text(b"]"),
            words: text(b"n/a\0tbd"),
            short: 8,
            max_line: 1000,
            max_messages: 3,
        }
    }

    /// Texts that Python cannot have passed: to judge by them panics.
    pub fn broken() -> Rules {
        Rules {
            stops: text(b"\xff"),
            ..rules()
        }
    }

    #[test]
    fn what_is_doubtful_in_an_answer_and_in_other_messages() {
        let rules = rules();
        let judge = unsafe { Judge::new(&rules, b"") };
        for (said, in_answer, elsewhere) in [
            ("fine", false, false),
            ("", false, false),
            (" \u{2003}", true, true),
            ("a <|b", true, true),
            ("so sorry", true, false),
            ("long before sorry", false, false),
            ("x ``` y", true, false),
            ("x ``` y ``` z", false, false),
            ("````` y ```", false, false),
            ("I CAN'T do that", true, false),
            ("see [x]", true, false),
            ("see [longer]", false, false),
            (" N/A ", true, false),
            ("One. Two! And then a", true, false),
            ("One. Two and then a", false, false),
            ("One. Two! And then.", false, false),
        ] {
            assert_eq!(judge.doubts(said, true), in_answer, "{}", said);
            assert_eq!(judge.doubts(said, false), elsewhere, "{}", said);
        }
    }
}
