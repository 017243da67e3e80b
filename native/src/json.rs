//! Strict JSON (RFC 8259), read where it stands; None for what is none, and for what is rare.

const MAX_DEPTH: usize = 40; // of a value; deeper is for Python
const MAX_DIGITS: usize = 18; // of an integer that surely fits into 64 bits

pub struct Json<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl<'a> Json<'a> {
    pub fn space(&mut self) {
        while self
            .text
            .get(self.at)
            .map_or(false, |byte| is_json_space(*byte))
        {
            self.at += 1;
        }
    }

    pub fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.get(self.at).copied()
    }

    pub fn take(&mut self, expected: u8) -> Option<()> {
        let found = self.peek()? == expected;
        self.at += 1;
        found.then_some(())
    }

    /// Whether a comma follows and not the end of the list or object.
    pub fn goes_on(&mut self, end: u8) -> Option<bool> {
        let found = self.peek()?;
        self.at += 1;
        match found {
            b',' => Some(true),
            _ => (found == end).then_some(false),
        }
    }

    pub fn key(&mut self) -> Option<&'a [u8]> {
        let name = self.name()?;
        self.take(b':')?;
        Some(name)
    }

    /// A string without escapes.
    pub fn name(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        let end = start + ordinary(&self.text[start..]);
        self.at = end + 1;
        (self.text.get(end) == Some(&b'"')).then(|| &self.text[start..end])
    }

    /// Adds what a string says to `said`; whether it says anything.
    pub fn string(&mut self, said: &mut Vec<u8>) -> Option<bool> {
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
    pub fn list(&mut self) -> Option<bool> {
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
    pub fn calls(&mut self) -> Option<Vec<Option<&'a [u8]>>> {
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
    pub fn value(&mut self, depth: usize) -> Option<()> {
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

    pub fn word(&mut self, word: &[u8]) -> Option<()> {
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
pub fn until(text: &[u8], is_such: impl Fn(u8) -> bool) -> usize {
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

pub fn is_json_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::Json;

    fn is_value(text: &str) -> bool {
        let mut json = Json {
            text: text.as_bytes(),
            at: 0,
        };
        json.value(0).is_some() && json.at == text.len()
    }

    fn said(text: &[u8]) -> Option<String> {
        let mut said = Vec::new();
        Json { text, at: 0 }.string(&mut said)?;
        Some(String::from_utf8(said).unwrap())
    }

    #[test]
    fn values_of_the_usual_kind() {
        for text in [
            "0",
            "-0",
            "12.5",
            "true",
            "null",
            "[]",
            "[1, {}]",
            r#"{"a" : [""]}"#,
        ] {
            assert!(is_value(text), "{}", text);
        }
        for text in [
            "",
            "01",
            "1.",
            ".5",
            "-",
            "1e5",
            "nul",
            "truex",
            "[1,]",
            "[,1]",
            "{1:2}",
            r#"{"a" 1}"#,
            r#"{"a":1,}"#,
            "[",
            "\"\n\"",
            "NaN",
            "1234567890123456789",
        ] {
            assert!(!is_value(text), "{}", text);
        }
    }

    #[test]
    fn depth_is_limited() {
        assert!(is_value(&("[".repeat(40) + &"]".repeat(40))));
        assert!(!is_value(&("[".repeat(42) + &"]".repeat(42))));
        assert!(!is_value(&"[".repeat(1_000_000)));
    }

    #[test]
    fn escapes() {
        let text = br#""a\n\/\u00e9\ud83d\ude00""#;
        assert_eq!(said(text).unwrap(), "a\n/\u{e9}\u{1f600}");
        for text in [
            r#""\x""#,
            r#""\u12""#,
            r#""\u00g0""#,
            r#""\u0000""#,
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            r#""open"#,
            r#""\"#,
        ] {
            assert_eq!(said(text.as_bytes()), None, "{}", text);
        }
    }

    #[test]
    fn calls_have_a_function_and_perhaps_an_id() {
        let ids = |text: &'static str| {
            let text = text.as_bytes();
            Json { text, at: 0 }.calls()
        };
        let call =
            r#"[{"id":"a","function":{"name":"f","arguments":"{}"}},{"function":{"name":"g"}}]"#;
        assert_eq!(ids(call), Some(vec![Some(&b"a"[..]), None]));
        for text in [
            "[]",
            "{}",
            r#"[{"id":"a"}]"#,
            r#"[{"function":{"name":5}}]"#,
            r#"[{"function":{"name":"f","arguments":"[]"}}]"#,
            r#"[{"function":{"name":"f","arguments":"{} {}"}}]"#,
        ] {
            assert_eq!(ids(text), None, "{}", text);
        }
    }
}
