//! Whose data a request touches, and whether that is the caller's to see (`lyceum.options.v1.subject`).
//!
//! | who | a student's field | a class' field |
//! |---|---|---|
//! | administrator, service | anybody | any |
//! | student | themselves | one of theirs |
//! | parent | their children | one of theirs |
//! | educator | anybody, beside a class of theirs in the same message or one around it | one of theirs |
//!
//! The fabric does not know who is in which class: that a student is in the class named beside them is for the service
//! to check, which keeps the register. Somebody who must name a student or class and leaves it empty is refused too, since
//! an empty field often means all of them. A refusal names the field, never the value.
//!
//! When not: a rule that needs more than the message and the caller's own claims is the handler's. Source: NIST SP
//! 800-162, attribute-based access control.

use crate::error::Error;
use crate::principal::{Principal, Role, Roles};

/// How many fields a refusal names.
const SHOWN: usize = 8;

/// A message that knows whose data it names; implemented by generated code.
pub trait Concerns {
    /// Whether it is a request that names somebody; others are not looked at.
    const CHECKED: bool;

    /// Tells `named` of every student and class.
    fn concerns(&self, named: &mut Named<'_>);
}

/// What one message names, seen by one caller.
#[derive(Debug)]
pub struct Named<'p> {
    caller: &'p Principal,
    teaches: bool,
    path: String,
    /// Whether the message in hand names a class of the caller's.
    class_here: bool,
    /// Whether anything of the caller's is named anywhere.
    own: bool,
    /// Students who are not the caller's, and fields for one that name nobody.
    others: Vec<String>,
    /// Classes that are not the caller's.
    foreign: Vec<String>,
    /// Fields for a class that name none.
    empty: Vec<String>,
}

impl<'p> Named<'p> {
    /// Whether `caller` may send `message`.
    ///
    /// # Errors
    /// PERMISSION_DENIED with reason NOT_YOURS and the fields.
    pub fn check(message: &impl Concerns, caller: &'p Principal) -> Result<(), Error> {
        let roles = caller.roles();
        if roles.meets(Roles::of(&[Role::Administrator, Role::Service])) {
            return Ok(());
        }
        let mut named = Self {
            caller,
            teaches: roles.contains(Role::Educator),
            path: String::new(),
            class_here: false,
            own: false,
            others: Vec::new(),
            foreign: Vec::new(),
            empty: Vec::new(),
        };
        named.message(message);
        named.verdict()
    }

    /// A field for one student.
    pub fn student(&mut self, field: &str, student: &str) {
        if !student.is_empty() && self.caller.has_student(student) {
            self.own = true;
        } else {
            self.others.push(format!("{}{field}", self.path));
        }
    }

    /// A field for several.
    pub fn student_each(&mut self, field: &str, students: &[String]) {
        if students.is_empty() {
            self.student(field, "");
        }
        for student in students {
            self.student(field, student);
        }
    }

    /// A field for one class.
    pub fn class(&mut self, field: &str, class: &str) {
        let list = if class.is_empty() {
            &mut self.empty
        } else if self.caller.has_class(class) {
            self.own = true;
            self.class_here = true;
            return;
        } else {
            &mut self.foreign
        };
        list.push(format!("{}{field}", self.path));
    }

    /// A field for several.
    pub fn class_each(&mut self, field: &str, classes: &[String]) {
        if classes.is_empty() {
            self.class(field, "");
        }
        for class in classes {
            self.class(field, class);
        }
    }

    /// Messages inside this one.
    pub fn within<'m, M: Concerns + 'm>(&mut self, field: &str, messages: impl Iterator<Item = &'m M>) {
        let outer = self.path.len();
        for message in messages {
            self.path.push_str(field);
            self.path.push('.');
            let class_around = std::mem::take(&mut self.class_here);
            self.message(message);
            self.class_here = class_around;
            self.path.truncate(outer);
        }
    }

    /// A message with all inside it: a class of the caller's answers for the students beside it.
    fn message(&mut self, message: &impl Concerns) {
        let before = self.others.len();
        message.concerns(self);
        if self.teaches && self.class_here {
            self.others.truncate(before);
        }
    }

    fn verdict(self) -> Result<(), Error> {
        const STUDENT: &str = "must name a student whose data is the caller's to see";
        const CLASS: &str = "must name a class of the caller's";
        if self.own && self.others.is_empty() && self.foreign.is_empty() {
            return Ok(());
        }
        // An empty class is wrong only where it is what is missing.
        let enough = self.own || !(self.teaches || self.others.is_empty());
        let empty = if enough { Vec::new() } else { self.empty };
        let classes = self.foreign.into_iter().chain(empty).map(|field| (field, CLASS));
        let mut fields: Vec<_> = self
            .others
            .into_iter()
            .map(|field| (field, STUDENT))
            .chain(classes)
            .collect();
        fields.dedup();
        let message = if self.teaches {
            "this is not yours to see: name a class of yours, and students beside it"
        } else {
            "this is not yours to see: name yourself, or your child"
        };
        let error = Error::permission_denied("NOT_YOURS", message);
        Err(fields
            .into_iter()
            .take(SHOWN)
            .fold(error, |error, (field, rule)| error.with_field(field, rule)))
    }
}

#[cfg(test)]
mod tests;
