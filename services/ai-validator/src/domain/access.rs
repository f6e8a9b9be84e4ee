//! How much AI help a student may have now, and why.
//!
//! What: access begins closed, widens with the depth of the student's own reflection, and narrows with reliance on
//! help. Why so: help before thought replaces it; help after thought feeds it. Each rule moves the decision by whole
//! levels and says so, and every decision below the widest says what would widen it.
//!
//! 1. Deeper reflection never narrows; more reliance never widens; no decision is without a reason.
//! 2. A reflection that was judged with little confidence never gives the widest access.
//! 3. Nothing is remembered here: the request tells what the student has shown.
//!
//! When not: this decides *how much*, not *what*: a reply still has to keep [`super::assistance`]'s bounds.
//! Source: the fading of scaffolds in Wood, Bruner & Ross 1976 and van de Pol, Volman & Beishuizen 2010, on the levels
//! of Kember et al. 2008.

use super::Stage;
use super::bloom;

/// Kember's levels, in order, as writing analysis tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reflection {
    /// Tells what happened.
    Habitual,
    /// Explains, without relating it to oneself.
    Understanding,
    /// Relates it to oneself and learns from it.
    Reflection,
    /// A perspective has changed, with reasons.
    Critical,
}

/// How much help is allowed; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// No AI help yet.
    ReflectFirst,
    /// Questions only.
    Questions,
    /// Hints where to look.
    Hints,
    /// A dialogue about the student's own text.
    Dialogue,
}

impl Access {
    const ALL: [Self; 4] = [Self::ReflectFirst, Self::Questions, Self::Hints, Self::Dialogue];
}

/// What a student has shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The level of their reflection.
    pub reflection: Reflection,
    /// The same from 0 to 1.
    pub depth: f64,
    /// How sure that is.
    pub confidence: f64,
    /// Replies they have had.
    pub replies: u32,
    /// How many of them were followed by work of their own.
    pub followed: u32,
    /// The level of thinking that their task asks for.
    pub task: Option<bloom::Level>,
    /// Where they are in their work.
    pub stage: Stage,
    /// Questions that would deepen the reflection, the weakest side of it first.
    pub questions: Vec<String>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A stable name.
    pub code: &'static str,
    /// In plain words, for the student.
    pub explanation: &'static str,
    /// How many levels it moved the decision.
    pub effect: i32,
}

/// How much help is allowed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The level.
    pub access: Access,
    /// Why, strongest first; never empty.
    pub reasons: Vec<Reason>,
    /// What would widen it; empty at the widest level.
    pub next_steps: Vec<String>,
    /// Replies before the next reflection.
    pub replies_until_reflection: u32,
}

/// Under this, a judgement is only an impression.
const UNSURE: f64 = 0.5;
/// From this depth on, a student has thought enough of their own to talk about a task of judgement or invention.
const OWN_THOUGHT: f64 = 0.625;
/// How many questions are given along.
const QUESTIONS: usize = 2;

/// The decision while it is made: a level, and the reasons that moved it.
struct Weighing {
    level: usize,
    reasons: Vec<Reason>,
}

impl Weighing {
    /// Narrows by up to `by` levels; said even where there was nothing left to narrow.
    fn narrow(&mut self, by: usize, code: &'static str, explanation: &'static str) {
        let moved = by.min(self.level);
        self.level -= moved;
        self.note(code, explanation, -signed(moved));
    }

    /// Never wider than `most`; says nothing where it changes nothing.
    fn cap(&mut self, most: Access, code: &'static str, explanation: &'static str) {
        let most = most as usize;
        if self.level > most {
            let moved = self.level - most;
            self.level = most;
            self.note(code, explanation, -signed(moved));
        }
    }

    fn note(&mut self, code: &'static str, explanation: &'static str, effect: i32) {
        self.reasons.push(Reason {
            code,
            explanation,
            effect,
        });
    }
}

fn signed(levels: usize) -> i32 {
    i32::try_from(levels).unwrap_or(i32::MAX)
}

/// Decides.
#[must_use]
pub fn decide(shown: &Shown) -> Decision {
    let reliance = Reliance::of(shown.replies, shown.followed);
    let mut weighing = Weighing {
        level: 0,
        reasons: Vec::new(),
    };
    reflection(shown, &mut weighing);
    match reliance {
        Reliance::High => weighing.narrow(
            2,
            "RELIANCE_HIGH",
            "Most of the replies you had were not followed by work of your own yet. Take some time with what you have.",
        ),
        Reliance::Some => weighing.narrow(
            1,
            "RELIANCE_SOME",
            "Several replies were not followed by work of your own yet. Try one of them out before you ask for more.",
        ),
        Reliance::Own => weighing.note(
            "OWN_WORK_FOLLOWS",
            "You make something of your own out of the help you get. Keep going like that.",
            0,
        ),
        Reliance::Little => {}
    }
    if shown.depth < OWN_THOUGHT
        && matches!(shown.task, Some(bloom::Level::Evaluate | bloom::Level::Create))
        && matches!(shown.stage, Stage::Brainstorm | Stage::Draft)
    {
        weighing.cap(
            Access::Questions,
            "TASK_NEEDS_OWN_IDEA",
            "This task lives from your own judgement or idea, and you are still at the beginning. Questions help you most now.",
        );
    }
    if shown.stage == Stage::Brainstorm {
        weighing.cap(
            Access::Hints,
            "STAGE_NO_TEXT_YET",
            "You are still collecting ideas. A dialogue about your text makes sense when there is one.",
        );
    }
    if shown.task == Some(bloom::Level::Remember) {
        weighing.cap(
            Access::Hints,
            "TASK_IS_RECALL",
            "This task is about what you remember, so more than a hint where to look would already be the answer.",
        );
    }
    if shown.confidence < UNSURE {
        weighing.cap(
            Access::Hints,
            "REFLECTION_UNSURE",
            "Your reflection is short, so it is hard to tell how far your thinking goes. A few more sentences would help.",
        );
    }
    let access = Access::ALL[weighing.level.min(3)];
    let mut reasons = weighing.reasons;
    // Strongest first; of equals, in the order in which they were weighed.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.effect.abs()));
    Decision {
        access,
        next_steps: next_steps(shown, access, reliance),
        replies_until_reflection: replies(access, shown.depth),
        reasons,
    }
}

fn reflection(shown: &Shown, weighing: &mut Weighing) {
    let (level, code, explanation) = match shown.reflection {
        Reflection::Habitual => (
            0,
            "REFLECTION_HABITUAL",
            "Your reflection tells what you did. What you thought about it is what opens the next step.",
        ),
        Reflection::Understanding => (
            1,
            "REFLECTION_UNDERSTANDING",
            "You explain well what it is about. What it has to do with you is still to come.",
        ),
        Reflection::Reflection => (
            2,
            "REFLECTION_REFLECTIVE",
            "You look at your own work and draw something from it. That makes help useful.",
        ),
        Reflection::Critical => (
            3,
            "REFLECTION_CRITICAL",
            "You have questioned a view of your own and say why it changed. You know what you want to talk about.",
        ),
    };
    weighing.level = level;
    weighing.note(code, explanation, signed(level));
}

/// How much a student leans on help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reliance {
    Own,
    Little,
    Some,
    High,
}

impl Reliance {
    /// Rises with replies that nothing followed, never with those that were followed.
    fn of(replies: u32, followed: u32) -> Self {
        let followed = followed.min(replies);
        let (all, idle) = (u64::from(replies), u64::from(replies - followed));
        if idle >= 6 && idle * 2 > all {
            Self::High
        } else if idle >= 3 && idle * 3 > all {
            Self::Some
        } else if followed >= 3 && idle * 5 <= all {
            Self::Own
        } else {
            Self::Little
        }
    }
}

fn next_steps(shown: &Shown, access: Access, reliance: Reliance) -> Vec<String> {
    if access == Access::Dialogue {
        return Vec::new();
    }
    let mut steps: Vec<String> = Vec::new();
    if reliance >= Reliance::Some {
        steps.push("Which of the replies you had would you like to try out in your own words first?".to_owned());
    }
    if shown.confidence < UNSURE {
        steps.push("Would you like to write a few more sentences about your work so far?".to_owned());
    }
    if shown.reflection < Reflection::Critical {
        let asked = shown.questions.iter().filter(|question| !question.is_empty());
        steps.extend(asked.take(QUESTIONS).cloned());
    }
    if matches!(shown.task, Some(bloom::Level::Evaluate | bloom::Level::Create)) && shown.depth < OWN_THOUGHT {
        steps.push("What is your own first idea or judgement, even if it is not finished?".to_owned());
    }
    if shown.stage == Stage::Brainstorm && access == Access::Hints {
        steps.push("What could a first rough version look like, so that there is something to talk about?".to_owned());
    }
    if steps.is_empty() {
        steps.push("What have you found out by yourself since you last asked, and what is still open?".to_owned());
    }
    steps
}

/// Wider access lasts longer, and a deeper reflection a little more.
fn replies(access: Access, depth: f64) -> u32 {
    let base = match access {
        Access::ReflectFirst => return 0,
        Access::Questions => 2,
        Access::Hints => 3,
        Access::Dialogue => 5,
    };
    base + u32::from(depth >= OWN_THOUGHT)
}

#[cfg(test)]
mod tests;
