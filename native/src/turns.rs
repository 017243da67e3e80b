//! Who may speak after whom, and which results fit to which calls.

use std::collections::HashMap;

pub struct Message<'a> {
    pub role: u8,
    pub calls: Option<Vec<Option<&'a [u8]>>>, // the ids of its calls; never empty
    pub result_of: Option<&'a [u8]>,
}

/// The calls so far, as `tool_calls.py` keeps them.
#[derive(Default)]
pub struct Calls<'a> {
    waiting: HashMap<&'a [u8], usize>, // so often, without a result
    pub called: bool,
}

impl<'a> Calls<'a> {
    /// Whether a message fits to those before it, when it is certain.
    pub fn fit(&mut self, message: &Message<'a>) -> bool {
        if let Some(calls) = &message.calls {
            self.called = true;
            for id in calls.iter().flatten() {
                *self.waiting.entry(id).or_insert(0) += 1;
            }
        }
        if message.role != b't' {
            return true;
        }
        let id = match message.result_of {
            Some(id) if self.waiting.contains_key(id) => id,
            result_of => return self.called && result_of.is_none() && self.waiting.is_empty(),
        };
        let left = self.waiting[id] - 1;
        match left {
            0 => self.waiting.remove(id),
            _ => self.waiting.insert(id, left),
        };
        self.called
    }
}

pub fn role_of(name: &[u8]) -> Option<u8> {
    match name {
        b"system" | b"developer" | b"user" | b"assistant" | b"tool" => Some(name[0]),
        _ => None,
    }
}

/// As `turn_order.py` wants them, and with a question.
pub fn are_in_order(roles: &[u8]) -> bool {
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
