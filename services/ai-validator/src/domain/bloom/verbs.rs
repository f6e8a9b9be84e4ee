//! What a verb says by itself, when neither its object nor the form of the question says more.
//!
//! The lists follow the cognitive processes of Anderson & Krathwohl 2001, so *classify* and *predict* are ways to
//! understand; words and weights are our own. When not: most verbs are ambiguous, which the weights admit;
//! [`super::objects`] and [`super::questions`] overrule them.

use super::Level::{self, Analyse, Apply, Create, Evaluate, Remember, Understand};

/// A level with the weight that a verb alone gives it.
type Share = (Level, f64);

/// The likeliest level first, then the next where there is one.
#[rustfmt::skip]
const TABLE: &[(&[Share], &[&str])] = &[
    (&[(Remember, 0.7)], &["list", "name", "define", "state", "recall", "recite", "label", "match", "memorise", "memorize", "repeat", "locate", "spell", "quote", "recognise", "recognize", "record", "reproduce", "underline", "circle", "fill", "copy", "cite", "highlight", "tick", "point", "learn", "recount", "enumerate", "order", "remember", "fetch", "pronounce", "tabulate"]),
    (&[(Remember, 0.5), (Analyse, 0.35)], &["identify"]),
    (&[(Remember, 0.4), (Apply, 0.3)], &["find"]),
    (&[(Remember, 0.4), (Understand, 0.3)], &["give", "tell", "select", "write"]),
    (&[(Understand, 0.7)], &["summarise", "summarize", "paraphrase", "interpret", "classify", "retell", "restate", "translate", "exemplify", "clarify", "rephrase", "sum", "reword", "annotate", "visualise", "visualize"]),
    (&[(Understand, 0.65), (Analyse, 0.3)], &["explain", "infer", "generalise", "generalize"]),
    (&[(Understand, 0.65), (Remember, 0.3)], &["describe", "outline", "express", "report", "illustrate", "sort", "group", "say", "depict", "characterise", "characterize", "explicate"]),
    (&[(Understand, 0.6), (Apply, 0.3)], &["predict", "estimate", "show", "draw"]),
    (&[(Apply, 0.7)], &["apply", "calculate", "solve", "compute", "perform", "implement", "execute", "operate", "convert", "measure", "practise", "practice", "simplify", "factorise", "factorize", "conduct", "balance", "conjugate", "plot", "graph", "integrate", "round", "administer", "run", "take", "set", "follow", "type", "install", "add", "subtract", "multiply", "divide", "substitute", "prove", "mix", "enter", "code", "configure", "adjust", "navigate", "bisect", "cook", "serve", "format", "rearrange", "expand", "correct", "punctuate", "inject", "assemble", "dress", "clean"]),
    (&[(Apply, 0.65), (Understand, 0.3)], &["demonstrate", "use", "complete", "sketch"]),
    (&[(Apply, 0.55), (Analyse, 0.35)], &["determine", "test", "work"]),
    (&[(Analyse, 0.75)], &["analyse", "analyze", "distinguish", "examine", "deconstruct", "dissect", "trace", "attribute", "contrast", "diagnose", "debug", "deduce", "break", "separate", "unpack", "scrutinise", "scrutinize", "isolate", "decode", "detect", "map", "survey", "dismantle"]),
    (&[(Analyse, 0.65), (Understand, 0.3)], &["differentiate", "relate", "investigate", "categorise", "categorize", "organise", "organize", "explore"]),
    (&[(Understand, 0.55), (Analyse, 0.5)], &["compare"]),
    (&[(Analyse, 0.5), (Evaluate, 0.4)], &["discuss", "consider"]),
    (&[(Evaluate, 0.75)], &["evaluate", "judge", "justify", "assess", "critique", "criticise", "criticize", "defend", "appraise", "weigh", "rate", "rank", "recommend", "prioritise", "prioritize", "argue", "persuade", "convince", "debate", "review", "award", "grade", "mark", "rebut", "refute", "endorse", "reject", "advise", "conclude", "reflect", "challenge", "reconsider"]),
    (&[(Evaluate, 0.6), (Analyse, 0.3)], &["decide", "support", "choose", "verify", "check", "comment"]),
    (&[(Create, 0.75)], &["create", "design", "compose", "invent", "devise", "produce", "generate", "imagine", "propose", "formulate", "draft", "choreograph", "redesign", "rewrite", "hypothesise", "hypothesize", "turn", "film", "stage", "paint", "author", "improvise", "transform", "arrange", "dream", "sculpt", "brainstorm", "concoct", "pitch", "animate", "script", "reinvent", "envisage"]),
    (&[(Create, 0.65), (Apply, 0.3)], &["plan", "develop", "construct", "build", "combine", "adapt", "prepare", "improve", "modify", "make"]),
    (&[(Create, 0.55), (Evaluate, 0.35)], &["suggest"]),
];

/// What a verb in its base form speaks for; nothing when it is no verb of a task.
pub(super) fn shares(word: &str) -> Option<&'static [Share]> {
    static BY_WORD: std::sync::LazyLock<std::collections::HashMap<&'static str, &'static [Share]>> =
        std::sync::LazyLock::new(|| {
            TABLE
                .iter()
                .flat_map(|(shares, words)| words.iter().map(move |word| (*word, *shares)))
                .collect()
        });
    BY_WORD.get(word).copied()
}
