//! Lines of JSON -> which are conversations without a fault, and what is said in them.
//!
//! The everyday form is read here: an object with messages, perhaps with tools and other
//! keys beside them; messages with a role, a text, calls of functions; strings and numbers
//! of the usual kind. A line is clean when it is certain to have no fault; what is doubtful
//! about a text comes from Python (`Rules`), so that every rule is written down once.
//! Nothing is decided here about any other line: Python reads it.
//!
//! Rust 1.63 or later, without other crates.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice::from_raw_parts;
use std::str::{from_utf8, from_utf8_unchecked};

const MAX_DEPTH: usize = 40; // of a value; deeper is for Python
const MAX_DIGITS: usize = 18; // of an integer that surely fits into 64 bits
const PAIRS: usize = 1 << 16;
const SAMPLE: usize = 1 << 14; // bytes that tell which pairs of bytes are frequent

/// Of a line.
const BLANK: u32 = 0;
const OTHER: u32 = 1; // not of the everyday form
const DOUBTFUL: u32 = 2; // perhaps with a fault
const CLEAN: u32 = 3; // certainly without

/// What is doubtful, as pointers to Python's bytes; lists are joined by NUL.
#[repr(C)]
pub struct Rules {
    signs: Text,      // to be looked for in every message
    flags: Text,      // a byte for each sign, see below
    bits: Text,       // a byte for each sign: its bit of a line's signs
    window: usize,    // bytes of a message in which a WINDOW sign counts
    starts: Text,     // of an answer that is doubtful, in any case
    ends: Text,       // last characters of a doubtful answer, if it is prose:
    stops: Text,      // with these characters in it,
    sentences: usize, // so many of them,
    prose: usize,     // and so many characters, all ASCII
    closings: Text,   // last characters of a doubtful short answer
    words: Text,      // short answers that are doubtful, in lower case
    short: usize,     // characters
    max_line: usize,
    max_messages: usize,
}

/// What begins a list of texts and each text in it, in MessagePack: then comes how many or
/// how long, in four bytes.
const LIST: u8 = 0xdd;
const STRING: u8 = 0xdb;
const HEAD: usize = 5;

const OF_ANSWERS: u8 = 1;
const WINDOW: u8 = 2;
const ODD: u8 = 4; // doubtful where there is an odd number of them

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    start: *const u8,
    size: usize,
}

#[repr(C)]
pub struct Line {
    signs: u64, // bits of those in a line of the everyday form
    start: u32, // without white space around it
    size: u32,
    kind: u32,
    has_tools: u32, // in a list beside the messages
    has_calls: u32, // of tools, or results of some
    messages: u32,  // 0 if the form is another
    end: u32,       // of its texts in `said`
}

/// What was found; Python copies it and gives it back to `release`.
#[repr(C)]
pub struct Found {
    lines: *const Line,
    line_count: usize,
    said: Text,  // the texts of those lines' messages, see below
    roles: Text, // the first letter of the role of each
    _owned: Box<(Vec<Line>, Vec<u8>, Vec<u8>)>,
}

/// Without rules nothing is judged, and no line is clean.
///
/// # Safety
/// All pointers must be valid for the sizes beside them, as long as the call lasts.
#[no_mangle]
pub unsafe extern "C" fn scan(text: Text, rules: *const Rules) -> *mut Found {
    let text = bytes(text);
    let found = catch_unwind(AssertUnwindSafe(|| {
        let judge = rules.as_ref().map(|rules| Judge::new(rules, text));
        let mut reader = Reader {
            // Roles, keys and quotes take more room in the text than heads do here.
            said: Vec::with_capacity(text.len() + HEAD),
            ..Reader::default()
        };
        reader.said.extend_from_slice(&[LIST; HEAD]);
        let mut start = 0;
        loop {
            let size = until(&text[start..], |byte| byte == b'\n');
            reader.line(&text[start..start + size], start, judge.as_ref());
            start += size + 1;
            if start > text.len() {
                break;
            }
        }
        write_size(&mut reader.said, 0, reader.roles.len());
        let owned = Box::new((reader.lines, reader.said, reader.roles));
        Found {
            lines: owned.0.as_ptr(),
            line_count: owned.0.len(),
            said: view(&owned.1),
            roles: view(&owned.2),
            _owned: owned,
        }
    }));
    found.map_or(std::ptr::null_mut(), |found| Box::into_raw(Box::new(found)))
}

/// # Safety
/// `found` must come from `scan`, and be given back only once.
#[no_mangle]
pub unsafe extern "C" fn release(found: *mut Found) {
    drop(Box::from_raw(found));
}

unsafe fn bytes<'a>(text: Text) -> &'a [u8] {
    match text.size {
        0 => &[],
        size => from_raw_parts(text.start, size),
    }
}

fn view(bytes: &[u8]) -> Text {
    Text {
        start: bytes.as_ptr(),
        size: bytes.len(),
    }
}

/// As Python's `str.isspace`.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter)
}

struct Sign<'a> {
    text: &'a [u8],
    flags: u8,
    bit: u8,
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

struct Judge<'a> {
    rules: &'a Rules,
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
    unsafe fn new(rules: &'a Rules, text: &[u8]) -> Judge<'a> {
        let mut frequency = vec![0u32; PAIRS];
        for pair in text[..text.len().min(SAMPLE)].windows(2) {
            frequency[pair_at(pair, 0) as usize] += 1;
        }
        let kinds = bytes(rules.flags).iter().zip(bytes(rules.bits));
        let with_pair = |(text, (flags, bit)): (&'a [u8], (&u8, &u8))| {
            let places = 0..text.len() - 1;
            let place = places
                .min_by_key(|place| frequency[pair_at(text, *place) as usize])
                .unwrap_or(0);
            Sign {
                text,
                flags: *flags,
                bit: *bit,
                place,
                pair: pair_at(text, place),
            }
        };
        let mut signs: Vec<Sign> = listed(rules.signs)
            .into_iter()
            .zip(kinds)
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

    /// Whether there may be a fault other than what signs tell; not for empty texts.
    fn doubts(&self, said: &str, answers: bool) -> bool {
        (!said.is_empty() && said.chars().all(is_space)) || (answers && self.doubts_answer(said))
    }

    fn signs_in(&self, said: &[u8], answers: bool) -> u64 {
        let pairs = if answers {
            &self.of_answers
        } else {
            &self.of_others
        };
        let (mut seen, mut odd) = (0, 0);
        let mut next = 0; // where the next of those that are counted may begin
        for (place, two) in said.windows(2).enumerate() {
            let pair = pair_at(two, 0);
            if !pairs.0[pair as usize] {
                continue;
            }
            let first = self.signs.partition_point(|sign| sign.pair < pair);
            for sign in self.signs[first..]
                .iter()
                .take_while(|sign| sign.pair == pair)
            {
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
                    seen |= 1 << sign.bit;
                } else if start >= next {
                    odd ^= 1 << sign.bit;
                    next = start + sign.text.len();
                }
            }
        }
        seen | odd
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

#[derive(Default)]
struct Reader {
    lines: Vec<Line>,
    said: Vec<u8>,
    roles: Vec<u8>,
}

impl Reader {
    /// Notes a line that begins at `start`.
    fn line(&mut self, whole: &[u8], start: usize, judge: Option<&Judge>) {
        let line = trimmed(whole);
        let (said, roles) = (self.said.len(), self.roles.len());
        let mut known = Known {
            kind: OTHER,
            signs: 0,
            has_calls: false,
            has_tools: false,
        };
        if line.is_empty() {
            known.kind = BLANK;
        } else if judge.map_or(true, |judge| line.len() < judge.rules.max_line) {
            known = self.conversation(line, judge).unwrap_or(known);
        }
        if known.kind == OTHER {
            self.said.truncate(said);
            self.roles.truncate(roles);
        }
        let before = whole
            .iter()
            .take_while(|byte| is_json_space(**byte))
            .count();
        self.lines.push(Line {
            start: (start + before) as u32,
            size: line.len() as u32,
            kind: known.kind,
            signs: known.signs,
            has_tools: known.has_tools.into(),
            has_calls: known.has_calls.into(),
            messages: (self.roles.len() - roles) as u32,
            end: self.said.len() as u32,
        });
    }

    /// What is known of a conversation; None when it is for Python to say.
    fn conversation(&mut self, line: &[u8], judge: Option<&Judge>) -> Option<Known> {
        if judge.is_some() {
            from_utf8(line).ok()?;
        }
        let mut json = Json { text: line, at: 0 };
        let (mut known, mut has_tools) = (None, None);
        json.take(b'{')?;
        loop {
            match json.key()? {
                b"messages" if known.is_none() => known = Some(self.messages(&mut json, judge)?),
                b"tools" if has_tools.is_none() => has_tools = Some(json.list()?),
                b"messages" | b"tools" => return None,
                _ => json.value(0)?,
            }
            if !json.goes_on(b'}')? {
                break;
            }
        }
        json.space();
        let mut known = known.filter(|_| json.at == line.len())?;
        known.has_tools = has_tools == Some(true);
        Some(known)
    }

    fn messages(&mut self, json: &mut Json, judge: Option<&Judge>) -> Option<Known> {
        let first = self.roles.len();
        let mut calls = Calls::default();
        let (mut is_clean, mut signs) = (judge.is_some(), 0);
        json.take(b'[')?;
        loop {
            let start = self.said.len();
            self.said.extend_from_slice(&[STRING; HEAD]);
            let message = self.message(json)?;
            let size = self.said.len() - start - HEAD;
            write_size(&mut self.said, start, size);
            self.roles.push(message.role);
            let fits = calls.fit(&message) && (size > 0 || message.calls.is_some());
            if let Some(judge) = judge {
                // SAFETY: the line is UTF-8, its strings are cut out at quotes and escapes,
                // and what escapes stand for are whole characters.
                let said = unsafe { from_utf8_unchecked(&self.said[start + HEAD..]) };
                signs |= judge.signs_in(said.as_bytes(), message.role == b'a');
                is_clean = is_clean && fits && !judge.doubts(said, message.role == b'a');
            }
            if !json.goes_on(b']')? {
                break;
            }
        }
        let roles = &self.roles[first..];
        if judge.map_or(false, |judge| roles.len() > judge.rules.max_messages) {
            return None;
        }
        Some(Known {
            kind: if is_clean && signs == 0 && are_in_order(roles) {
                CLEAN
            } else {
                DOUBTFUL
            },
            signs,
            has_calls: calls.called || roles.contains(&b't'),
            has_tools: false,
        })
    }

    fn message<'a>(&mut self, json: &mut Json<'a>) -> Option<Message<'a>> {
        let (mut role, mut has_content, mut has_name) = (None, false, false);
        let (mut calls, mut result_of) = (None, None);
        json.take(b'{')?;
        loop {
            match json.key()? {
                b"role" if role.is_none() => role = Some(role_of(json.name()?)?),
                b"content" if !has_content => {
                    has_content = true;
                    if json.peek()? == b'"' {
                        json.string(&mut self.said)?;
                    } else {
                        json.word(b"null")?;
                    }
                }
                b"tool_calls" if calls.is_none() => calls = Some(json.calls()?),
                b"tool_call_id" if result_of.is_none() => result_of = Some(json.name()?),
                b"name" if !has_name => {
                    has_name = true;
                    json.string(&mut Vec::new())?;
                }
                _ => return None,
            }
            if !json.goes_on(b'}')? {
                break;
            }
        }
        Some(Message {
            role: role?,
            calls,
            result_of,
        })
    }
}

fn write_size(said: &mut [u8], start: usize, size: usize) {
    said[start + 1..start + HEAD].copy_from_slice(&(size as u32).to_be_bytes());
}

struct Known {
    kind: u32,
    signs: u64,
    has_calls: bool,
    has_tools: bool,
}

struct Message<'a> {
    role: u8,
    calls: Option<Vec<Option<&'a [u8]>>>, // the ids of its calls; never empty
    result_of: Option<&'a [u8]>,
}

/// The calls so far, as `calls.py` keeps them.
#[derive(Default)]
struct Calls<'a> {
    waiting: Vec<&'a [u8]>,
    called: bool,
}

impl<'a> Calls<'a> {
    /// Whether a message fits to those before it, when it is certain.
    fn fit(&mut self, message: &Message<'a>) -> bool {
        if let Some(calls) = &message.calls {
            self.called = true;
            self.waiting.extend(calls.iter().flatten());
        }
        if message.role != b't' {
            return true;
        }
        let place = self
            .waiting
            .iter()
            .position(|id| Some(*id) == message.result_of);
        match place {
            Some(place) => drop(self.waiting.remove(place)),
            None => return self.called && message.result_of.is_none() && self.waiting.is_empty(),
        }
        self.called
    }
}

fn role_of(name: &[u8]) -> Option<u8> {
    match name {
        b"system" | b"developer" | b"user" | b"assistant" | b"tool" => Some(name[0]),
        _ => None,
    }
}

/// As `order.py` wants them, and with a question.
fn are_in_order(roles: &[u8]) -> bool {
    let is_system = |role: &u8| matches!(role, b's' | b'd');
    let start = roles.iter().take_while(|role| is_system(role)).count();
    let turns = &roles[start..];
    !turns.iter().any(is_system)
        && turns.contains(&b'u')
        && turns.first() != Some(&b'a')
        && turns.last() == Some(&b'a')
        && !turns
            .windows(2)
            .any(|two| two[0] == two[1] && two[0] != b't')
}

fn is_json_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn trimmed(line: &[u8]) -> &[u8] {
    let start = line.iter().take_while(|byte| is_json_space(**byte)).count();
    let end = line
        .iter()
        .rev()
        .take_while(|byte| is_json_space(**byte))
        .count();
    &line[start..line.len().max(start + end) - end]
}

/// Strict JSON (RFC 8259); None for what is none, and for what is rare.
struct Json<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Json<'a> {
    fn space(&mut self) {
        while self
            .text
            .get(self.at)
            .map_or(false, |byte| is_json_space(*byte))
        {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, expected: u8) -> Option<()> {
        let found = self.peek()? == expected;
        self.at += 1;
        found.then_some(())
    }

    /// Whether a comma follows and not the end of the list or object.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        let found = self.peek()?;
        self.at += 1;
        match found {
            b',' => Some(true),
            _ => (found == end).then_some(false),
        }
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        let name = self.name()?;
        self.take(b':')?;
        Some(name)
    }

    /// A string without escapes.
    fn name(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        let end = start + ordinary(&self.text[start..]);
        self.at = end + 1;
        (self.text.get(end) == Some(&b'"')).then(|| &self.text[start..end])
    }

    /// Adds what a string says to `said`; whether it says anything.
    fn string(&mut self, said: &mut Vec<u8>) -> Option<bool> {
        self.take(b'"')?;
        let before = said.len();
        loop {
            let start = self.at;
            self.at += ordinary(&self.text[start..]);
            said.extend_from_slice(&self.text[start..self.at]);
            self.at += 1;
            match self.text.get(self.at - 1)? {
                b'"' => return Some(said.len() > before),
                b'\\' => self.escape(said)?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self, said: &mut Vec<u8>) -> Option<()> {
        self.at += 1;
        let meant = match self.text.get(self.at - 1)? {
            same @ (b'"' | b'\\' | b'/') => *same,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => return self.letter(said),
            _ => return None,
        };
        said.push(meant);
        Some(())
    }

    fn letter(&mut self, said: &mut Vec<u8>) -> Option<()> {
        let mut code = self.unit()?;
        if (0xd800..0xdc00).contains(&code) && self.text[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let low = self.unit()?;
            if !(0xdc00..0xe000).contains(&low) {
                return None;
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        // None for half a pair.
        let letter = char::from_u32(code).filter(|letter| *letter != '\0')?;
        said.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, digit| {
            Some(code << 4 | (*digit as char).to_digit(16)?)
        })
    }

    /// Passes a list, or null in place of one; whether there is something in it.
    fn list(&mut self) -> Option<bool> {
        match self.peek()? {
            b'[' => {
                let mut inside = Json {
                    text: self.text,
                    at: self.at + 1,
                };
                let is_empty = inside.peek()? == b']';
                self.value(0)?;
                Some(!is_empty)
            }
            _ => self.word(b"null").map(|_| false),
        }
    }

    /// The ids of calls of functions; None when one of them is odd.
    fn calls(&mut self) -> Option<Vec<Option<&'a [u8]>>> {
        let mut ids = Vec::new();
        self.take(b'[')?;
        loop {
            ids.push(self.call()?);
            if !self.goes_on(b']')? {
                return Some(ids);
            }
        }
    }

    fn call(&mut self) -> Option<Option<&'a [u8]>> {
        let (mut id, mut has_function) = (None, false);
        self.take(b'{')?;
        loop {
            match self.key()? {
                b"id" if id.is_none() => id = Some(self.name()?),
                b"function" if !has_function => {
                    has_function = true;
                    self.function()?;
                }
                b"id" | b"function" => return None,
                _ => self.value(0)?,
            }
            if !self.goes_on(b'}')? {
                return has_function.then_some(id);
            }
        }
    }

    /// With a name, and arguments that are an object or the text of one.
    fn function(&mut self) -> Option<()> {
        let (mut has_name, mut has_arguments) = (false, false);
        self.take(b'{')?;
        loop {
            match self.key()? {
                b"name" if !has_name => {
                    has_name = true;
                    self.string(&mut Vec::new())?;
                }
                b"arguments" if !has_arguments => {
                    has_arguments = true;
                    self.arguments()?;
                }
                b"name" | b"arguments" => return None,
                _ => self.value(0)?,
            }
            if !self.goes_on(b'}')? {
                return has_name.then_some(());
            }
        }
    }

    fn arguments(&mut self) -> Option<()> {
        if self.peek()? == b'{' {
            return self.value(0);
        }
        let mut text = Vec::new();
        self.string(&mut text)?;
        let mut json = Json { text: &text, at: 0 };
        if json.peek()? != b'{' {
            return None;
        }
        json.value(0)?;
        json.space();
        (json.at == text.len()).then_some(())
    }

    /// Passes any value.
    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' => self.string(&mut Vec::new()).map(|_| ()),
            b'{' => self.members(b'}', depth, |json| json.key().map(|_| ())),
            b'[' => self.members(b']', depth, |_| Some(())),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn members(
        &mut self,
        end: u8,
        depth: usize,
        before: fn(&mut Json<'a>) -> Option<()>,
    ) -> Option<()> {
        self.at += 1;
        if self.peek()? == end {
            self.at += 1;
            return Some(());
        }
        loop {
            before(self)?;
            self.value(depth + 1)?;
            if !self.goes_on(end)? {
                return Some(());
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.text[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    /// A number without an exponent.
    fn number(&mut self) -> Option<()> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let first = self.text.get(self.at).copied();
        let whole = self.digits();
        if whole == 0 || whole > MAX_DIGITS || (first == Some(b'0') && whole > 1) {
            return None;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            if !(1..=MAX_DIGITS).contains(&self.digits()) {
                return None;
            }
        }
        let is_done = !matches!(self.text.get(self.at), Some(b'e' | b'E'));
        is_done.then_some(())
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }
}

/// How many bytes a string goes on without a quote, an escape or a control character.
fn ordinary(text: &[u8]) -> usize {
    until(text, |byte| byte < 0x20 || byte == b'"' || byte == b'\\')
}

/// How many bytes there are before the first such.
fn until(text: &[u8], is_such: impl Fn(u8) -> bool) -> usize {
    let mut at = 0;
    for block in text.chunks_exact(16) {
        // No branch inside: the compiler looks at all sixteen at once.
        if block.iter().fold(false, |seen, byte| seen | is_such(*byte)) {
            break;
        }
        at += 16;
    }
    let rest = &text[at..];
    at + rest
        .iter()
        .position(|byte| is_such(*byte))
        .unwrap_or(rest.len())
}
