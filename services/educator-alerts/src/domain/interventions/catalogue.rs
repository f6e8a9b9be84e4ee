//! The catalogue: ten things that an educator can do, with what is known of each.
//!
//! What: data. Figures are those of the publications, in their own measures: months of progress of the Education
//! Endowment Foundation's toolkit (edition of 2018), or standard deviations (*d*). Why old-fashioned: each takes minutes
//! or an hour, needs no product, and has been studied where possible by experiment. When not: effects are averages over
//! other students in other places; half of the catalogue is worth nothing for somebody.

use super::Intervention;
use crate::domain::alert::Kind::{Drop, Idle, MissedTasks, Rise, Risk};
use crate::domain::signals::Signal;

/// All, in the order in which they are told.
pub const CATALOGUE: [Intervention; 10] = [
    Intervention {
        id: "check-in",
        title: "A short conversation, alone",
        description: "Say what you have noticed in the work, ask how things are, and listen. Agree on one next step.",
        evidence: "Relations between teachers and students go along with engagement to a medium to large extent and with \
                   achievement to a small to medium one, over 99 studies.",
        source: "Roorda, Koomen, Spilt & Oort 2011",
        caution: "These are correlations. What comes up may need somebody else: know whom to call.",
        minutes: 10,
        kinds: &[
            (
                Risk,
                "An estimate knows six numbers; a conversation finds out what lies behind them.",
            ),
            (Idle, "A silence is best ended by asking."),
            (
                MissedTasks,
                "Why tasks were missed is not in the data; the student knows.",
            ),
            (Drop, "A sudden change has a story that no number tells."),
        ],
        causes: &[
            (
                Signal::Idle,
                "There has been no work to respond to, so a person is the next thing to respond to.",
            ),
            (
                Signal::Step,
                "Something changed at a certain time: ask what was different then.",
            ),
        ],
    },
    Intervention {
        id: "message-home",
        title: "One sentence home about what can get better",
        description: "Once a week, one sentence to the parents about one thing that the student can improve.",
        evidence: "In a randomised experiment, weekly one-sentence messages cut the share who earned no credit from 15.8 \
                   to 9.3 %; those about what could improve did most. Daily contact raised the odds of finished homework by \
                   40 % in another.",
        source: "Kraft & Rogers 2015; Kraft & Dougherty 2013",
        caution: "Both were summer programmes in the USA. Not where home is the difficulty, and not without the consent \
                  that it needs.",
        minutes: 5,
        kinds: &[
            (Risk, "Those who were about to drop out were helped most."),
            (Idle, "Parents often do not know that nothing comes any more."),
            (
                MissedTasks,
                "Homework was finished more often where parents heard of it.",
            ),
        ],
        causes: &[(
            Signal::Missed,
            "Missed tasks are something that a family can see to together.",
        )],
    },
    Intervention {
        id: "list-of-missing-work",
        title: "A list of what is missing",
        description: "Send the student, and the parents where agreed, the missing tasks with what each still counts, and one \
                      to begin with.",
        evidence: "Automated messages to parents about missed assignments, grades and absences cut course failures by 38 % \
                   in a randomised experiment in 22 schools; test scores did not change.",
        source: "Bergman & Chan 2017 (working paper)",
        caution: "A long list discourages: choose what still matters.",
        minutes: 10,
        kinds: &[
            (MissedTasks, "It makes the way back countable."),
            (Idle, "It gives a place to begin again."),
            (Risk, "Part of the estimate is work that can still be done."),
        ],
        causes: &[(
            Signal::Missed,
            "Missed tasks are what adds most here, and they can be caught up.",
        )],
    },
    Intervention {
        id: "when-and-where",
        title: "A plan: when, where, what first",
        description: "Let the student write down when and where they will work on what, and what they will do when something \
                      comes between: if this, then that.",
        evidence: "If-then plans help goals along by d = 0.65 over 94 studies; pupils who wrote one did over 60 % more \
                   practice questions (66 pupils, randomised).",
        source: "Gollwitzer & Sheeran 2006; Duckworth, Grant, Loew, Oettingen & Gollwitzer 2011",
        caution: "Not always: in one study of homework a plain reminder did better (Corker 2012). It helps those who want to \
                  and do not get to it.",
        minutes: 15,
        kinds: &[
            (Risk, "It is short, and it is the student's own."),
            (Idle, "Beginning is the hardest part, and a plan is about beginning."),
            (MissedTasks, "Tasks are missed one evening at a time."),
        ],
        causes: &[
            (
                Signal::Idle,
                "After a pause the first hour decides, and the plan is for that hour.",
            ),
            (Signal::Missed, "What is missing is mostly time that was not set aside."),
        ],
    },
    Intervention {
        id: "focused-feedback",
        title: "Feedback on one thing, with time to use it",
        description: "Take the last work, name one thing that would lift it, show where, and have that part done again.",
        evidence: "Feedback is among what moves achievement most: d = 0.79 on average; eight months of progress.",
        source: "Hattie & Timperley 2007; EEF 2018",
        caution: "More than a third of feedback studied made things worse (Kluger & DeNisi 1996): about the task and the way \
                  to do it, not about the person.",
        minutes: 20,
        kinds: &[
            (Risk, "The level of the work is part of the estimate."),
            (Drop, "It says early what would lift the next work."),
        ],
        causes: &[
            (Signal::Level, "The level of the work is what adds most here."),
            (
                Signal::Slope,
                "The level falls slowly: one thing at a time can turn it.",
            ),
        ],
    },
    Intervention {
        id: "secure-the-basis",
        title: "Go back to what the rest stands on",
        description: "Find with a few short questions which earlier step is missing, teach that, and go on once it holds.",
        evidence: "Mastery learning: about d = 0.5 on examinations in 108 studies, more for weaker students; five months of \
                   progress.",
        source: "Kulik, Kulik & Bangert-Drowns 1990; EEF 2018",
        caution: "Alone it takes long; better with several students who miss the same.",
        minutes: 45,
        kinds: &[
            (Risk, "What comes next will be harder as long as a step is missing."),
            (Drop, "A fall often marks the first topic that a gap matters for."),
        ],
        causes: &[
            (
                Signal::Level,
                "The level has been low for long, which points at something earlier.",
            ),
            (
                Signal::Step,
                "Since the fall the work stands on another topic: look at what that needs.",
            ),
        ],
    },
    Intervention {
        id: "tutoring",
        title: "Regular tutoring, alone or in a small group",
        description: "Several short meetings a week on the current work, with the same person, during the school day.",
        evidence: "Over 96 randomised studies, tutoring raised achievement by 0.37 standard deviations; more by teachers than \
                   by volunteers.",
        source: "Nickow, Oreopoulos & Quan 2020",
        caution: "It costs most of all that stands here: for where less has been tried.",
        minutes: 60,
        kinds: &[(Risk, "It has the strongest experiments behind it.")],
        causes: &[(Signal::Level, "A low level needs more than one conversation.")],
    },
    Intervention {
        id: "learn-in-pairs",
        title: "Learning in pairs",
        description: "Pair the student with another for a topic, with clear parts: one explains, one asks, then the reverse.",
        evidence: "Those who were tutored by peers gained d = 0.40, the tutors themselves 0.33, over 65 studies.",
        source: "Cohen, Kulik & Kulik 1982",
        caution: "Needs preparation, and a pair that gets on. Never tell one about the other's alert.",
        minutes: 20,
        kinds: &[
            (Risk, "It brings somebody back among the others."),
            (Drop, "Explaining shows where understanding stops."),
        ],
        causes: &[(Signal::Slope, "It is steady rather than sudden, as the fall is.")],
    },
    Intervention {
        id: "one-more-look",
        title: "One more piece of work before anything else",
        description: "Ask for a short piece of work soon, and look at it before you act.",
        evidence: "Whoever is picked out at a low point tends to be better the next time without any help (regression to the \
                   mean); a second look tells what is lasting.",
        source: "Barnett, van der Pols & Dobson 2005",
        caution: "A look, no wait: a week at the most.",
        minutes: 5,
        kinds: &[
            (Risk, "The estimate's range is wide while there is little work."),
            (Drop, "A single weak piece is no fall yet."),
        ],
        causes: &[
            (
                Signal::Uncertainty,
                "How little is known is what adds most here, and that can be changed in a week.",
            ),
            (Signal::Step, "The step is new: one more piece tells whether it lasts."),
        ],
    },
    Intervention {
        id: "specific-praise",
        title: "Say what exactly got better",
        description: "Name the change in the work and what the student did for it. Ask how they did it.",
        evidence: "Praise for effort and ways of working kept pupils at a task after a setback; praise for being clever did the \
                   reverse. Praise without information does little (d = 0.14).",
        source: "Mueller & Dweck 1998; Hattie & Timperley 2007",
        caution: "Only what is true, and rather in private.",
        minutes: 5,
        kinds: &[(Rise, "The level of the work rose, and somebody should have noticed.")],
        causes: &[],
    },
];
