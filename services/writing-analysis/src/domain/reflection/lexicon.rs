//! The words that show reflection: what each indicator looks like on the page.
//!
//! Our own lists, written after the descriptions of the six breadth indicators in Ullmann 2019 and of the levels in
//! Kember et al. 2008, and adjusted on the development half of the labelled set only. When not: no list is complete;
//! the judgement therefore counts several indicators and never one word.

use super::Indicator;
use lyceum_prose::phrases::Class;

/// What a cue speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// One of the six indicators.
    Indicator(Indicator),
    /// An explanation: reasons, definitions, consequences.
    Explanation,
    /// What the writer held before.
    OldView,
    /// What the writer holds now instead.
    NewView,
}

#[rustfmt::skip]
pub(super) const CLASSES: &[Class] = &[
    ("feeling", &[
        "nervous", "anxious", "worried", "afraid", "scared", "frightened", "angry", "annoyed", "frustrated",
        "frustrating", "ashamed", "embarrassed", "embarrassing", "guilty", "sad", "upset", "hurt", "disappointed",
        "disappointing", "proud", "happy", "glad", "relieved", "excited", "surprised", "shocked", "confused",
        "uncomfortable", "comfortable", "overwhelmed", "calm", "confident", "insecure", "lonely", "bored", "tired",
        "tiring", "stressed", "defensive", "stupid", "small", "helpless", "grateful", "hopeful", "curious", "jealous",
        "stuck", "lost", "torn", "uneasy", "moved", "motivated", "discouraged", "encouraged", "strange", "bad", "sorry",
        "attacked", "shaken", "cross", "unsure", "impatient", "satisfied", "dissatisfied", "hesitant", "shy", "safe", "unsafe", "pleased", "touched", "irritated", "bitter", "powerless", "exhausted", "envious", "offended", "foolish", "clumsy", "awkward",
    ]),
    ("felt", &["feel", "felt", "feeling", "feels"]),
    ("think", &["think", "thought", "believe", "believed", "assume", "assumed", "consider", "considered", "guess",
        "suspect", "expected", "imagined", "supposed"]),
    ("know", &["realise", "realised", "realize", "realized", "noticed", "notice", "discovered", "understood", "understand",
        "saw", "see", "recognise", "recognised", "recognize", "recognized", "found", "learnt", "learned", "learn"]),
    ("me", &["me", "myself"]),
    ("be", &["am", "was", "were", "be", "been", "being", "is", "are", "i'm", "got", "get", "became", "become"]),
];

#[rustfmt::skip]
pub(super) const TABLE: &[(Sign, &[&str])] = &[
    (Sign::Indicator(Indicator::Experience), &[
        "i|we was|were|had|did|went|made|took|gave|got|came|kept|ran|saw|heard|met|wrote|read|spent|spoke|told|said|tried|let|sat|left|put|began|found|chose|drew|swam|stood|lost|lied|lay|hid|brought|caught|led|held|built|taught|sang|sent",
        "i|we ~ started|worked|asked|talked|changed|listened|finished|watched|used|helped|practised|practiced|played|decided|stopped|tested|learned|learnt|presented|blamed|compared|interrupted|cried|acted|copied|followed|measured|added|studied|memorised|wanted|needed|planned|wondered|hoped|expected|argued|missed|failed|prepared|organised|explained|noticed|realised",
        "when i|we|my|our|the", "during my|our|the", "my|our first", "last week|year|month|time|term|summer", "yesterday",
        "this week|morning|term", "at first", "before the|my|our", "after the|my|our|using", "in my placement|internship|group|class|lesson|course",
    ]),
    (Sign::Indicator(Indicator::Feelings), &[
        "my voice shook", "my heart", "my hands", "frightened|scared|worried|tired|annoyed|upset|moved|shocked|bored|irritated|pleased me", "it frightened|scared|worried|pained me", "painful", "find|found it ~ boring|hard|easy|difficult|strange|tiring|exciting|painful|unpleasant", "so afraid|tired|angry|happy|nervous|proud|ashamed", "with fear|relief|joy|shame|anger", "i ~ cried|panicked|froze|blushed|hesitated", "to my surprise|shame|relief",
        "i|i'm ~ #feeling", "i|we #felt", "made me #feeling|feel|angry|cry|laugh|doubt", "it #felt", "that #felt|hurt", "which #felt", "feel|felt #feeling", "my feelings|fear|fears|anger|worry|frustration|joy|pride|confidence|disappointment|shame",
        "i ~ enjoyed|enjoy|loved|love|hated|hate|dreaded|dread|feared|regret|regretted|worry|cried|liked", "was|were hard|difficult|tough to|for",
        "it was hard|harder|difficult|painful|scary", "bothered me", "struck me", "surprised me", "hurt me", "look forward", "afraid of",
    ]),
    (Sign::Indicator(Indicator::Personal), &[
        "my part|fault|role|share|voice|way|silence|thoughts|mind|reaction|making|picture|image|sense|pride", "in my head", "i ~ used to", "i ~ care|mind|trust|need|want", "my parents|culture|upbringing|background|generation", "what i|we ~ call|feel|think", "i still",
        "i ~ #think", "i ~ #know that", "for me|myself", "as a learner|person|student|teacher|nurse|writer|player|leader", "i tend|seem|usually|prefer|value|always|often|rarely", "i ~ always|never thought|believed|saw|seen|questioned|been",
        "my own", "my view|opinion|attitude|belief|beliefs|idea|understanding|values|habit|habits|assumption|assumptions|approach|weakness|strength|taste|schooling|family|father|mother",
        "in my opinion|view", "to me", "with myself", "about myself|me", "i would rather", "what i value|believe|want|need", "i ~ asked|ask myself", "i ~ like|hate to|working|being", "part of me", "i am ~ person",
    ]),
    (Sign::Indicator(Indicator::CriticalStance), &[
        "i refused|avoided|ignored|overlooked|missed|forgot|rushed|skipped|hurried|gave up|hesitated", "i had been so|too", "so ~ that i", "twice as|as long", "cost us|me", "complained", "i had not|never|only", "i ~ caught myself", "i replayed|reread|asked myself|went over", "my fault|making|mistake", "i heard|saw how", "did not work|help|go|think|ask|see|notice|listen", "didn't work|help|go|think|ask|see|notice|listen", "i could|might have", "was not enough|true|fair|right", "it was me|my", "not because|only because", "gaps", "only fear", "rather than|instead",
        "i|we should|could|ought ~ have", "should|could have", "i|we should not", "i had not", "i did not ~ #know|look|want|ask|listen|think|suggest|practise|practice|read|plan|check", "i could not|never", "i was wrong", "mistake|mistakes|error|errors", "went badly|wrong",
        "difficult|difficulty|difficulties|struggle|struggled|struggling|challenge|challenging|problem|problems|weakness|harder", "too much|late|fast|quickly|soon|little|long", "worse", "instead of", "i ~ failed|mistaken|confused|misjudged", "i hid|had ~ hidden",
        "why did|do|was|had i|we", "i ~ question|questioned|doubt|doubted|wonder|wondered|rethink|distrust", "made me question|doubt|see|wonder|think|rethink", "ask|asked myself", "ran out of", "looking back", "in hindsight|retrospect", "i ~ judged|blamed",
        "excuse", "without noticing|thinking", "i ~ admit", "i need to", "not sure",
    ]),
    (Sign::Indicator(Indicator::Perspective), &[
        "he|she|they had a point|reason|reasons", "he|she|they could not know", "he|she|they was|were right", "how i|it ~ looked|sounded|felt|seemed to", "told me|us", "asked me|us", "said that|i|it", "complained about", "was cross|angry|disappointed|hurt|upset with", "for him|her|them it", "who would ~ differently", "then ~ colleague|friend|partner|teacher|classmate ~ filmed|said|asked|showed|told", "somebody|someone who", "trusted|expected|saw|heard me|us|him|her",
        "from his|her|their|another|a|the|other point|side|perspective|view|eyes", "point of view", "he|she|they ~ felt|feel|thought|think|meant|believed|needed|wanted|saw", "must|might|may|could|probably have ~ felt|been|thought|seemed|made",
        "made him|her|them", "other|different eyes|way|side|perspective|perspectives|ways", "in a different way", "according to", "my|our teacher|partner|friend|coach|mentor|group|tutor|classmate|professor ~ said|says|asked|explained|thought|told|pointed|showed|read",
        "the feedback", "the others", "on the other hand", "in someone's|her|his|their shoes|place|position", "everybody|everyone around|at", "we as a", "the other side", "i asked ~ coach|teacher|them|him|her|partner|friend", "i watched the video", "reading about", "whose",
    ]),
    (Sign::Indicator(Indicator::Outcome), &[
        "i shall", "i'll ~ try|ask|keep|start|plan|listen|do|be|tell|check|write|read|test", "i will keep|never|always|try|pick|tell|also|stop|begin|agree|remember|be|take|give|make ~", "i want to ~ agree|try|keep|learn|be|become|change|use|start|stop|listen|ask|find|practise", "i noticed|saw|heard|found that|how|it|myself", "at the start of the next", "the next project|talk|time|essay|lesson|test|session", "got better|easier", "once i", "what helped|works|worked", "i ~ better when|if", "i understood", "so now|next", "from this|that|it i", "i take ~ with me", "beforehand", "i know now", "it works|worked", "that way",
        "next time", "in future|the future", "from now on", "i|we ~ learnt|learned", "i|we ~ #know ~ that|how|why", "i ~ realised|realized|realise|realize|discovered", "i will|plan|want|intend|hope|am|would ~ try|practise|practice|ask|start|plan|write|use|read|test|compare|propose|explain|listen|leave|check|build|sit|do|look|speak|prepare|change",
        "i am going to", "i am trying", "i'm going|trying to", "it|this|that|which taught|showed|helped|made me", "now i", "i now", "i need to", "i ~ have|had to learn", "i must", "since then", "for my|the next", "i have noticed", "i can|could see that", "worked better", "i ask first",
        "has|have changed", "keeps|helps me",
    ]),
    (Sign::Explanation, &[
        "because", "because of", "therefore", "thus", "hence", "consequently", "since ~ wanted|many|the", "this|that|which is|was|shows|showed|means|meant|explains|explained|creates|makes|supports ~ why|that|how|by|as|the|because",
        "this|it is because", "means|meant that", "mean|means", "the reason|reasons", "that is why", "which is why", "in order to", "so that", "as a result", "due to", "leads|lead|led to", "caused|causes by", "is|are called|defined|known", "for example|instance", "consists|consist of",
        "refers to", "such as", "differs|differ from|because", "whereas", "depends|depend on", "if ~ then", "is|are ~ important|used", "not the only", "is when", "the difference", "according to", "rather than", "is how", "works because", "makes sure", "so ~ falls|fall|builds|build|feels|feel",
    ]),
    (Sign::OldView, &[
        "i ~ thought that|of|it", "i ~ called|told myself", "all my life", "for me ~ used|meant|proved", "used to ~ prove|mean|be", "i had learned|learnt to", "in my head before", "when i ~ trained|raised|young",
        "i ~ always took|held|felt|regarded|saw|told", "i ~ regarded|considered|trusted|blamed|expected|accepted|imagined", "i had thought|trusted|taken|believed|never|always|considered|regarded", "until this|last|that|recently", "i used to", "to me ~ was always|simply|just", "i ~ grew up", "i ~ brought up", "raised me", "as a fact", "a sign of", "in my eyes", "i was so sure|certain", "i ~ held on to", "my picture|image|notion|sense of",
        "i used to believe|think|assume|see|say|consider|hide|be", "i ~ assumed|believed", "i had ~ assumed|believed|thought|seen|judged|mistaken|confused|expected|accepted|put|taken|trusting", "i had been ~ trusting|assuming|believing", "i ~ always thought|believed|seen|saw|assumed", "i was ~ convinced|certain|sure", "i took it for granted", "i thought ~ was|were|that",
        "i considered", "i ~ never questioned|asked|doubted|wondered", "for years", "up to now", "until then|now", "my opinion|idea|view|belief|assumption ~ was", "at first i considered|believed|thought", "before ~ i|placement assumed|thought|believed", "without ever", "i ~ simply|just accepted|believed|assumed", "i ~ taken ~ over",
    ]),
    (Sign::NewView, &[
        "any longer|more", "i ~ begun|started to", "i ~ beginning|starting to", "i ~ begin to", "since that|then", "it dawned on", "ever since", "i now", "no longer", "i ~ try to ~ seek|see|ask|look|listen", "i ~ found out how|that", "by another|different standard", "made me ~ again", "had not become|been", "i am changing", "what i ~ was not|no",
        "i am beginning|starting|learning to", "i begin|began|started to ~ see|understand|wonder|ask|doubt|question|look|listen", "my picture|image|notion|sense|idea of ~ has|have|is", "has|have turned around|upside", "now i ~ doubt|ask|wonder|listen|hear|look|think|know|try", "i ~ cannot|can't|could not ~ any more|anymore|longer", "i ~ wondering", "i ~ caught myself", "in another|new|different|other light|eyes|way", "i doubt|ask|wonder who|how|what|whether|why|that", "painful|hard to admit|accept", "instead they|he|she|it", "it frightened|shook|unsettled|humbled me", "i learned|learnt|understood that every|no|each|there|what|not", "is a decision|choice", "not ~ but", "leaves|left out", "i have|had to ~ revise|correct|unlearn|let go", "it was not ~ but|it|that|about", "i stopped|have stopped",
        "i no longer", "no longer ~ believe|think|hold|use|see|assume", "changed my mind|view|opinion|thinking|attitude|beliefs|understanding", "has|have ~ changed|shifted|altered|turned|challenged", "my ~ view|attitude|understanding|opinion|idea|thinking|belief ~ changed|shifted|grown|turned", "my view of", "that|this|which changes|changed|challenged ~ how|what|my|the",
        "i ~ see ~ as|differently|from|that", "i see now", "now i ~ see|understand|know|think|believe", "i now ~ see|understand|question|think|believe|ask|look", "i ~ understand ~ differently", "made me ~ question|doubt|rethink|reconsider", "i ~ had to rethink|admit|accept|reconsider", "i have to accept|admit|rethink", "i have come to", "i ~ look at ~ differently|in|with|now",
        "in a ~ different|new way|light|eyes", "with ~ other|new|different eyes", "i have stopped", "turned ~ upside down", "i ~ question ~ where|why|what|whether|my", "i began to ask", "it struck me", "since then i", "i would rather", "opened my eyes", "only later did", "has made me",
    ]),
];

/// Words of an inner life: thinking, feeling, wanting, judging. In a sentence about oneself they mark the step from
/// telling to relating, whatever the phrase.
#[rustfmt::skip]
pub(super) const INNER: &[&str] = &[
    "think", "thinking", "thought", "believe", "believed", "feel", "feeling", "felt", "know", "knew", "understand", "understood", "notice", "noticed",
    "realise", "realised", "realize", "realized", "wonder", "wondered", "wondering", "doubt", "doubted", "fear", "feared", "afraid", "hope", "hoped", "wish", "wished",
    "worry", "worried", "care", "cared", "mind", "mean", "meant", "decide", "decided", "trust", "trusted", "expect", "expected", "imagine", "imagined", "assume", "assumed",
    "hard", "difficult", "easier", "better", "worse", "wrong", "mistake", "mistakes", "fault", "ashamed", "proud", "sorry", "angry", "nervous", "calm", "calmed", "sad", "happy", "upset",
    "surprised", "frustrated", "annoyed", "embarrassed", "guilty", "stung", "hurt", "lonely", "shy", "learn", "learned", "learnt", "discover", "discovered", "admit", "admitted", "regret", "regretted",
    "because", "although", "though", "despite", "myself", "why", "without", "not", "never", "no", "cannot", "couldn't", "didn't", "wasn't", "don't", "hadn't", "but", "however", "instead", "rather",
    "seem", "seems", "seemed", "prefer", "tend", "matter", "mattered", "struggle", "struggled", "pressure", "confident", "confidence", "attention", "need", "should", "could", "limit", "myself",
];
