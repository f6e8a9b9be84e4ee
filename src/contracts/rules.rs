//! Input rules at run time: what a broken rule is called, and the checks that the generated code calls.
//!
//! Lengths of strings count Unicode scalar values, as protovalidate has it. The checks allocate only when a rule is
//! broken, and never repeat the value: it may be a student's text. Source: the protovalidate specification.

/// A message that knows its own input rules; implemented by generated code.
pub trait Validate {
    /// Adds every broken rule to `violations`.
    fn validate(&self, violations: &mut Violations);
}

/// The broken rules of one message: the field's path and what it should have been.
#[derive(Debug, Default)]
pub struct Violations {
    path: String,
    found: Vec<(String, String)>,
}

impl Violations {
    /// The broken rules of `message`; empty when it keeps them all.
    pub fn of(message: &impl Validate) -> Vec<(String, String)> {
        let mut violations = Self::default();
        message.validate(&mut violations);
        violations.found
    }

    /// Once, however many items of a list break it, so that an answer stays as short as its contract.
    fn add(&mut self, field: &str, rule: String) {
        let broken = (format!("{}{field}", self.path), rule);
        if !self.found.contains(&broken) {
            self.found.push(broken);
        }
    }

    /// `string.min_len`, in scalar values.
    pub fn characters_at_least(&mut self, field: &str, value: &str, least: u64) {
        // Only as many characters as the bound are looked at.
        if (value.chars().take(bound(least)).count() as u64) < least {
            self.add(field, format!("must have at least {least} character{}", plural(least)));
        }
    }

    /// `string.max_len`, in scalar values.
    pub fn characters_at_most(&mut self, field: &str, value: &str, most: u64) {
        // A text of at most `most` bytes cannot have more characters: the usual case counts nothing.
        if value.len() as u64 > most && value.chars().count() as u64 > most {
            self.add(field, format!("must have at most {most} character{}", plural(most)));
        }
    }

    /// `bytes.max_len`.
    pub fn bytes_at_most(&mut self, field: &str, value: &[u8], most: u64) {
        if value.len() as u64 > most {
            self.add(field, format!("must have at most {most} byte{}", plural(most)));
        }
    }

    /// `uint32.lte`.
    pub fn at_most(&mut self, field: &str, value: u32, most: u64) {
        if u64::from(value) > most {
            self.add(field, format!("must be at most {most}"));
        }
    }

    /// `repeated.max_items`.
    pub fn items_at_most(&mut self, field: &str, items: usize, most: u64) {
        if items as u64 > most {
            self.add(field, format!("must have at most {most} item{}", plural(most)));
        }
    }

    /// `enum.defined_only`.
    pub fn one_of(&mut self, field: &str, value: i32, known: &[i32]) {
        if !known.contains(&value) {
            self.add(field, "must be one of the values that the contract defines".to_owned());
        }
    }

    /// `enum.not_in`.
    pub fn none_of(&mut self, field: &str, value: i32, refused: &[i32]) {
        if refused.contains(&value) {
            self.add(field, "must be set".to_owned());
        }
    }

    /// `required` on a message field.
    pub fn present(&mut self, field: &str, present: bool) {
        if !present {
            self.add(field, "must be set".to_owned());
        }
    }

    /// The rules of messages inside this one.
    pub fn within<'m, M: Validate + 'm>(&mut self, field: &str, messages: impl Iterator<Item = &'m M>) {
        let outer = self.path.len();
        for message in messages {
            self.path.push_str(field);
            self.path.push('.');
            message.validate(self);
            self.path.truncate(outer);
        }
    }
}

/// The broken rules of an encoded `M`; nothing for bytes that are none.
#[cfg(feature = "testing")]
pub(super) fn broken<M: prost::Message + Default + Validate>(encoded: &[u8]) -> Option<Vec<(String, String)>> {
    M::decode(encoded).ok().map(|message| Violations::of(&message))
}

fn bound(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
