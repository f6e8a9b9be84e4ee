//! The sentences of proposals.
//!
//! Why here and not in a page: whoever shows a proposal must show its reasons, so they come with it. They speak of work,
//! never of the person, and propose, never demand; a test holds them to that. When not: other languages; the kind and
//! the figures are in the message for those who translate. Source: Hattie & Timperley 2007.

use super::{FORETOLD, Kind, Reason, Recommendation, Skill, View};

impl View {
    /// The proposal in words.
    pub(super) fn told(&self, skill: &Skill, reason: &Reason) -> Recommendation {
        let Reason { kind, confidence } = *reason;
        let ends_after = self.ends_after(skill, kind);
        let name = skill.name().replace('-', " ");
        let (proposal, because) = match kind {
            Kind::Talk => (
                format!("You could look at your last pieces of work on {name} together with somebody."),
                self.drop_told(),
            ),
            Kind::Practise => (
                format!("You could do one or two further pieces of work on {name}, at the level of the last ones."),
                format!(
                    "What you showed lies below the middle of the scale with a probability of {}.",
                    percent(confidence)
                ),
            ),
            Kind::Revisit => (
                format!("You could come back to {name} with something short."),
                format!("The last piece of work on it is from {} days ago.", self.days_unseen()),
            ),
            Kind::Stretch => (
                format!("You could try something harder in {name}."),
                format!(
                    "What you showed lies in the highest quarter of the scale with a probability of {}.",
                    percent(confidence)
                ),
            ),
            Kind::Show => (
                format!("You could show what you can do in {name}."),
                format!(
                    "There {} to go by, which leaves a range of {} of the scale.",
                    pieces_there_are(self.observations.len()),
                    percent(self.assessment.level.upper - self.assessment.level.lower)
                ),
            ),
            Kind::Notice => (
                format!("You could look at what has helped you in {name} of late."),
                format!("It grows with a probability of {}.", percent(confidence)),
            ),
        };
        Recommendation {
            kind,
            skill: skill.clone(),
            proposal,
            because,
            why_now: self.why_now(kind),
            unless: unless(kind, ends_after),
            confidence,
            ends_after,
            evidence: self.evidence(kind),
        }
    }

    fn drop_told(&self) -> String {
        self.drop().map_or_else(String::new, |change| {
            format!(
                "Since a few pieces of work they lie {} of the scale lower than before, with a probability of {}.",
                percent(-change.shift),
                percent(change.probability)
            )
        })
    }

    fn why_now(&self, kind: Kind) -> String {
        match kind {
            Kind::Talk => "It is recent, so that you will remember what was different.".to_owned(),
            Kind::Practise => "What is practised while it is fresh stays.".to_owned(),
            Kind::Revisit => "What is come back to after a pause is kept longer.".to_owned(),
            Kind::Stretch => "More of the same would show nothing new.".to_owned(),
            Kind::Show => "Other proposals can fit you only when more is known.".to_owned(),
            Kind::Notice => "What helps is seen best while it does.".to_owned(),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "days, at least 45 and at most 130 years of them"
    )]
    fn days_unseen(&self) -> u32 {
        self.now.days_since(self.latest()).max(0.0) as u32
    }
}

fn unless(kind: Kind, ends_after: Option<u32>) -> String {
    let what = match kind {
        Kind::Talk => {
            return "A reason that you know, such as less time, would explain it; then nothing needs to change."
                .to_owned();
        }
        Kind::Notice => return "It is not told any more when the growth is no longer clear.".to_owned(),
        Kind::Practise | Kind::Stretch => "in the third quarter of the scale",
        Kind::Revisit | Kind::Show => "like the last ones",
    };
    match ends_after {
        Some(1) => format!("One further piece of work {what} would end this proposal."),
        Some(count) => format!("{count} further pieces of work {what} would end this proposal."),
        None => format!("More than {FORETOLD} further pieces of work {what} would be needed to end this proposal."),
    }
}

fn pieces_there_are(count: usize) -> String {
    if count == 1 {
        "is one piece of work".to_owned()
    } else {
        format!("are {count} pieces of work")
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share.clamp(0.0, 1.0) * 100.0)
}
