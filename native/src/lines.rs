//! Lines of JSON -> which are conversations without a fault, and what is said in them.
//!
//! The everyday form is read here: an object with messages, perhaps with tools and other
//! keys beside them; messages with a role, a text, calls of functions; strings and numbers
//! of the usual kind. A line is clean when it is certain to have no fault. Nothing is
//! decided here about any other line: Python reads it.

use crate::json::{is_json_space, until, Json};
use crate::judge::Judge;
use crate::packed::{begin, end};
use crate::turns::{are_in_order, role_of, Calls, Message};
use std::str::{from_utf8, from_utf8_unchecked};

/// Of a line.
const BLANK: u32 = 0;
const OTHER: u32 = 1; // not of the everyday form
const DOUBTFUL: u32 = 2; // perhaps with a fault
const CLEAN: u32 = 3; // certainly without

#[repr(C)]
pub struct Line {
    start: u32, // without white space around it
    size: u32,
    kind: u32,
    has_tools: u32, // in a list beside the messages
    has_calls: u32, // of tools, or results of some
    messages: u32,  // 0 if the form is another
    end: u32,       // of its texts in `said`
}

pub struct Reader {
    pub lines: Vec<Line>,
    pub said: Vec<u8>,  // their texts, packed
    pub roles: Vec<u8>, // the first letter of each
}

impl Reader {
    /// All lines of `text`.
    pub fn read(text: &[u8], judge: Option<&Judge>) -> Reader {
        let mut reader = Reader {
            lines: Vec::new(),
            // Roles, keys and quotes take more room in the text than heads do here.
            said: Vec::with_capacity(text.len()),
            roles: Vec::new(),
        };
        let mut start = 0;
        loop {
            let size = until(&text[start..], |byte| byte == b'\n');
            reader.line(&text[start..start + size], start, judge);
            start += size + 1;
            if start > text.len() {
                return reader;
            }
        }
    }

    /// Notes a line that begins at `start`.
    fn line(&mut self, whole: &[u8], start: usize, judge: Option<&Judge>) {
        let line = trimmed(whole);
        let (said, roles) = (self.said.len(), self.roles.len());
        let mut known = Known {
            kind: OTHER,
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
        let mut is_clean = judge.is_some();
        json.take(b'[')?;
        loop {
            let start = begin(&mut self.said);
            let message = self.message(json)?;
            let said = end(&mut self.said, start);
            self.roles.push(message.role);
            let fits = calls.fit(&message) && (!said.is_empty() || message.calls.is_some());
            if let Some(judge) = judge {
                // SAFETY: the line is UTF-8, its strings are cut out at quotes and escapes,
                // and what escapes stand for are whole characters.
                let said = unsafe { from_utf8_unchecked(said) };
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
            kind: if is_clean && are_in_order(roles) {
                CLEAN
            } else {
                DOUBTFUL
            },
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

struct Known {
    kind: u32,
    has_calls: bool,
    has_tools: bool,
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

#[cfg(test)]
mod tests {
    use super::{Reader, BLANK, DOUBTFUL, OTHER};
    use crate::packed::texts;

    #[test]
    fn lines_are_found_with_what_is_said_in_them() {
        let row = r#"{"messages":[{"role":"user","content":"a\nb"}],"tools":[{}]}"#;
        let text = format!("\n {} \r\n{{\"messages\":5}}\n[]", row);
        let read = Reader::read(text.as_bytes(), None);

        let kinds: Vec<u32> = read.lines.iter().map(|line| line.kind).collect();
        assert_eq!(kinds, [BLANK, DOUBTFUL, OTHER, OTHER]);
        let line = &read.lines[1];
        assert_eq!((line.start, line.size as usize), (2, row.len()));
        assert_eq!((line.has_tools, line.has_calls, line.messages), (1, 0, 1));
        assert!(texts(&read.said).eq([&b"a\nb"[..]]));
        assert_eq!(read.roles, b"u");
    }

    #[test]
    fn nothing_stays_of_a_line_that_is_left() {
        let read = Reader::read(br#"{"messages":[{"role":"user","content":"a"}]"#, None);
        assert_eq!(read.lines[0].kind, OTHER);
        assert!(read.said.is_empty() && read.roles.is_empty());
    }
}
