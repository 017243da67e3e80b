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

#[cfg(test)]
mod tests {
    use super::{are_in_order, Calls, Message};

    #[test]
    fn who_may_speak_after_whom() {
        for roles in ["ua", "sua", "sdua", "uaua", "uata", "uatta"] {
            assert!(are_in_order(roles.as_bytes()), "{}", roles);
        }
        for roles in [
            "", "u", "a", "au", "sa", "uu", "uaa", "uua", "usa", "aua", "sta",
        ] {
            assert!(!are_in_order(roles.as_bytes()), "{}", roles);
        }
    }

    /// Role, ids of calls, id of the call that it is the result of.
    type Said<'a> = (u8, Option<&'a [&'a str]>, Option<&'a str>);

    fn fit(messages: &[Said]) -> bool {
        let mut calls = Calls::default();
        messages.iter().all(|(role, called, result_of)| {
            let ids = called.map(|ids| ids.iter().map(|id| Some(id.as_bytes())).collect());
            calls.fit(&Message {
                role: *role,
                calls: ids,
                result_of: result_of.map(str::as_bytes),
            })
        })
    }

    #[test]
    fn a_result_needs_a_call_that_waits() {
        let called = (b'a', Some(&["x", "y"][..]), None);
        let result = |id| (b't', None, Some(id));
        assert!(fit(&[called, result("y"), result("x")]));
        assert!(!fit(&[called, result("x"), result("x")]));
        assert!(!fit(&[called, result("z")]));
        assert!(!fit(&[result("x")]));
        assert!(!fit(&[called, (b't', None, None)]));
        assert!(fit(&[called, result("x"), result("y"), (b't', None, None)]));
    }
}
