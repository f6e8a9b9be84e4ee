//! The phrases by which replies break their bounds, and those that excuse them.
//!
//! Our own lists. Rows are patterns of [`lyceum_prose::phrases`]. When not: what no phrase gives away (an answer, a
//! passage in the product's form) is found by overlap with the assignment and the student's text.

use lyceum_prose::phrases::Class;

/// What a phrase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Says what to write.
    Dictates,
    /// Rewrites.
    Rewrites,
    /// Announces an answer.
    Answers,
    /// Praises the person.
    Praises,
    /// Judges the person.
    Blames,
    /// Offers text to hand in.
    Offers,
    /// Speaks of spelling, punctuation, polish.
    Polishes,
    /// Speaks of new ideas, another topic, another structure.
    Restructures,
    /// Sends the student somewhere, or puts a subject off.
    Points,
    /// Puts something off until later.
    PutsOff,
}

#[rustfmt::skip]
pub(super) const CLASSES: &[Class] = &[
    ("gift", &["smart", "clever", "brilliant", "talented", "gifted", "intelligent", "amazing", "genius", "natural", "star", "wonderful"]),
    ("fault", &["lazy", "stupid", "careless", "hopeless", "dumb", "slow", "sloppy", "untalented", "weak"]),
    ("polish", &["spelling", "grammar", "punctuation", "comma", "commas", "typo", "typos", "capitalisation", "capitalization", "capital", "spelled", "spelt", "misspelled", "misspelt", "semicolon", "apostrophe", "apostrophes", "formatting", "font"]),
];

#[rustfmt::skip]
pub(super) const TABLE: &[(Move, &[&str])] = &[
    (Move::Dictates, &[
        "write that|this|the", "you should|could|can|must|might write|say|state|put that", "say that", "start ~ with|by the sentence|words|phrase|stating|saying|writing", "begin ~ with|by the sentence|words|phrase|stating|saying|writing", "add ~ sentence|line|words that|saying|like|which", "add the following", "conclude ~ by|with saying|stating|the", "your thesis should|could|must be|say|state|read",
        "your ~ sentence|paragraph|introduction|conclusion|title|opening should be|say|state|read", "put ~ words|sentence", "just write|say|put|type", "simply write|say|put|state", "use the|this sentence|phrase|words|wording", "include ~ sentence|words that|saying", "then write|say|state", "end ~ with|by the sentence|words|stating|saying", "state that", "call it", "mention that", "insert ~ sentence|words",
    ]),
    (Move::Rewrites, &[
        "instead of ~ write|say|try|use|put", "instead write|say|put|use", "change ~ ~ to", "replace ~ ~ with", "rewritten|rephrased|improved|corrected|polished version|sentence", "here is ~ rewritten|rephrased|improved|corrected|better|polished", "here's ~ rewritten|rephrased|improved|corrected|better|polished", "a better|clearer|stronger way|version|sentence|wording", "better way to say|put|write|phrase", "could|should|would read", "i ~ rewrote|rewritten|rephrased|fixed|corrected|reworded|improved your", "i ~ rewrote|rephrased|reworded|corrected|fixed", "i would rewrite|rephrase|reword|phrase|put it", "i'd rewrite|rephrase|reword|phrase|put it", "try this instead", "it as follows", "sounds better as|like|if",
    ]),
    (Move::Answers, &[
        "the ~ answer is", "the correct|right answer|solution|result", "the solution is", "the answer to", "so ~ equals", "the result is", "the ~ reason|cause|causes|reasons|effect|effects is|are|was|were",
    ]),
    (Move::Praises, &[
        "you are ~ #gift", "you're ~ #gift", "you are ~ ~ good|great|born|excellent|gifted writer|student|thinker|author|pupil", "you're ~ ~ good|great|born|excellent|gifted writer|student|thinker|author|pupil", "you are ~ good|great|born|excellent|gifted|talented writer|student|thinker|author|pupil", "you're ~ good|great|born|excellent|gifted|talented writer|student|thinker|author|pupil", "you have ~ talent|gift|flair", "you've ~ talent|gift|flair", "good|clever|smart girl|boy|kid", "i am ~ proud of you", "i'm ~ proud of you", "so smart|clever|talented", "you are ~ best", "you're ~ best", "what a ~ #gift student|writer|person|mind|kid",
    ]),
    (Move::Blames, &[
        "you are ~ #fault", "you're ~ #fault", "you are not ~ good|cut|smart|clever|trying|made|able", "you're not ~ good|cut|smart|clever|trying|made|able", "you ~ never|always fail|get|forget|make", "you are ~ bad|terrible|poor at|writer|student", "you're ~ bad|terrible|poor at|writer|student", "you ~ lack talent|ability|intelligence", "you ~ can't|cannot write|think|do", "your laziness|carelessness", "people like you", "you should be ashamed", "you ~ disappoint|disappointed me|us",
    ]),
    (Move::Offers, &[
        "here is ~ paragraph|essay|draft|introduction|conclusion|poem|story|version|thesis|summary|answer|letter|opening|outline|code|program|text|speech|example", "here's ~ paragraph|essay|draft|introduction|conclusion|poem|story|version|thesis|summary|answer|letter|opening|outline|code|program|text|speech|example", "you can|could|may copy|paste|use|submit|hand ~ this|it|in", "feel free to use|copy|paste|adapt", "i wrote|drafted|have ~ written|drafted ~ for you", "i wrote|drafted ~ for you", "ready to submit|hand|use", "i ~ written|drafted|wrote ~ paragraph|essay|introduction|poem|story|conclusion|summary",
    ]),
    (Move::Polishes, &[
        "#polish", "sentence fragment|fragments", "word choice", "run-on",
    ]),
    (Move::Restructures, &[
        "new topic|thesis|idea|ideas|argument", "another|different topic|thesis|structure|argument", "reorganise|reorganize|restructure|rearrange", "start over|again", "brainstorm", "move ~ paragraph|section", "more|additional|further ideas|arguments|paragraphs|examples", "add ~ argument|paragraph|section|idea", "rethink ~ thesis|argument|topic|structure", "change ~ topic|thesis|structure|argument",
    ]),
    (Move::Points, &[
        "look at|again|back|up|for|in", "have a look", "read ~ again|aloud|page|chapter|section|paragraph", "re-read", "reread", "check ~", "compare ~", "go back", "return to", "chapter", "page", "section", "your|the ~ notes|textbook|source|sources|book|paragraph|draft|text|essay|handout|sentence|article|worksheet", "think about|of", "notice", "underline", "consider", "ask yourself", "the assignment|task|question asks",
    ]),
    (Move::PutsOff, &[
        "later", "not ~ worry", "don't worry", "leave ~ for", "can wait", "not yet|now", "for now", "at the end", "set aside", "after that", "before you|we polish|edit", "next stage", "never mind", "ignore",
    ]),
];

/// Stems of words that assignments are made of and that tell nothing of their subject.
#[rustfmt::skip]
pub(super) const TASK_WORDS: &[&str] = &[
    "writ", "essai", "word", "explain", "describ", "discuss", "paragraph", "paper", "assign", "answer", "question",
    "reason", "giv", "exampl", "support", "evidenc", "text", "task", "us", "analys", "compar", "evaluat", "summaris",
    "argument", "argu", "least", "short", "page", "main", "read", "tell", "find", "show", "state", "list", "nam",
    "calculat", "solv", "work", "point", "view", "opinion", "agre", "think", "think",
];
