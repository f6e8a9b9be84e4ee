//! Words of every class but verbs, and the fixed phrases.

use super::{Role, Traits};

pub(super) const WORDS: &[(Traits, &str)] = &[
    (Traits::FIRST.with(Traits::SUBJECT), "i we i'm i've i'd i'll we're we've we'd we'll"),
    (Traits::FIRST, "me my mine myself us our ours ourselves"),
    (Traits::SECOND.with(Traits::SUBJECT), "you you're you've you'd you'll"),
    (Traits::SECOND, "your yours yourself yourselves"),
    (Traits::THIRD.with(Traits::SUBJECT), "he she it they he's she's it's they're they've they'd they'll he'd she'd he'll she'll it'll"),
    (Traits::THIRD, "him his himself her hers herself its itself them their theirs themselves oneself"),
    (Traits::POINTER, "this that these those such it its they them their he she his her him he's she's it's they're here there former latter same another other others both neither so one"),
    (Traits::HEDGE, "perhaps possibly maybe probably presumably apparently arguably seemingly supposedly conceivably plausibly potentially likely unlikely might may could would seem seems seemed appear appears appeared suggest suggests suggested tend tends tended indicate indicates assume assumes assumed estimate estimated suppose supposes guess approximately roughly somewhat relatively fairly partially partly generally usually typically often sometimes frequently mainly mostly largely doubt doubtful possible probable plausible unclear uncertain"),
    (Traits::BOOSTER, "clearly obviously undoubtedly certainly definitely surely undeniably unquestionably indisputably evidently plainly absolutely truly undisputed incontestably doubtless indeed"),
    (Traits::ADDITIVE, "and also moreover furthermore additionally besides too likewise similarly nor plus"),
    (Traits::CAUSAL, "because therefore thus hence consequently since accordingly so"),
    (Traits::CONTRASTIVE, "but however although though nevertheless nonetheless whereas yet despite instead conversely still otherwise rather unlike while"),
    (Traits::TEMPORAL, "then afterwards afterward later meanwhile finally next subsequently before after when until eventually suddenly first firstly second secondly third thirdly lastly initially soon once previously"),
    (Traits::SUBORDINATOR, "because although though if unless until while whereas since when whenever where wherever whether that which who whom whose before after as once lest why how"),
    (Traits::ADVERB, "not never also often always already just still even soon then quite very too so almost nearly ever once again now sometimes rarely seldom hardly well badly fully both all"),
    (Traits::DETERMINER, "a an the this that these those my your his her its our their some any no every each another many several few both either neither much more most all"),
    (Traits::PREPOSITION, "in of on at by for from with about into through over under between among against during without within upon toward towards across behind beyond near since until to as than like"),
    (Traits::TIME, "now today nowadays currently yesterday tomorrow tonight ago recently formerly previously once later then before after when while until since if always usually never still already"),
    (Traits::EVIDENCE, "study studies research researchers survey surveys data statistics evidence experiment experiments scientists percent per-cent findings results graph table figure quoted cited quote report reports interview interviews historians records"),
    (Traits::VALUE, "good better best bad worse worst important essential necessary vital crucial harmful dangerous beneficial helpful useful useless unfair fair wrong right valuable effective ineffective healthy unhealthy safer cheaper easier harder great terrible pointless wasteful significant"),
];

pub(super) const PHRASES: &[(Role, &str)] = &[
    (Role::Like(Traits::ADDITIVE), "in addition|as well as|not only|on top of that|what is more"),
    (Role::Like(Traits::CAUSAL), "as a result|as a consequence|because of|due to|for this reason|for that reason|this is why|that is why|so that|in order to|owing to|thanks to"),
    (Role::Like(Traits::CONTRASTIVE), "on the other hand|in contrast|by contrast|even though|in spite of|on the contrary|at the same time"),
    (Role::Like(Traits::TEMPORAL), "after that|at first|in the end|in the meantime|at last|as soon as|by the time|from then on|the next day"),
    (Role::Like(Traits::HEDGE), "to some extent|in general|in some ways|more or less|in most cases|it is possible|i guess|i suppose|kind of|sort of|as far as i know"),
    (Role::Like(Traits::BOOSTER), "of course|no doubt|without doubt|without a doubt|without question|everyone knows|everybody knows|it is a fact|beyond doubt|it goes without saying|needless to say|there is no question|there can be no doubt|nobody can deny|no one can deny"),
    (Role::Like(Traits::TIME), "in the past|these days|in those days|last year|last week|next year|years ago|at the time|as a child|when i was|in the future|at that time|at the moment"),
    (Role::Position, "in my opinion|in my view|i believe|i think|i argue|i strongly believe|i agree|i disagree|i am convinced|i will argue|this essay will argue|this essay argues|from my point of view|i do not think|i do not believe|i don't think|i don't believe|i am in favour of|i am in favor of|i am against|i support|i oppose|my position is|it is my belief|i would argue|we should not|schools should|we should|we must"),
    (Role::Claim, "one reason|another reason|the first reason|the second reason|the main reason|a second reason|a third reason|the final reason|first of all|to begin with|in the first place|in addition|for one thing|to start with|one benefit|another benefit|one advantage|another advantage|a further advantage|a further reason|one problem|another problem|another argument|one argument|the most important reason|what is more"),
    (Role::Claim, "firstly|secondly|thirdly|moreover|furthermore|additionally"),
    (Role::Evidence, "for example|for instance|according to|such as|studies show|research shows|a study|a survey|a recent study|a recent survey|in one study|evidence shows|the data show|the data shows|statistics show|experts say|as shown|as stated|the text says|the article says|the author states|the author says|the passage says|the article states|the text states|in the article|to illustrate|scientists found|researchers found|researchers at|a report|an example|one example|in one case|take the case|consider the case|percent of|per cent of|when i was|in my school|in my experience|last year"),
    (Role::Counterclaim, "some people say|some people think|some people believe|some people argue|some people claim|some may say|some may argue|some might say|some might argue|some say|some argue|some believe|some claim|some would say|some would argue|others say|others argue|others believe|others think|others claim|other people say|other people think|many people think|many people believe|many people say|opponents|critics|people who disagree|those who disagree|it could be argued|it may be argued|it might be argued|it can be argued|it is often said|it is sometimes said|it is true that|admittedly|granted|skeptics|sceptics|those who oppose|those against|on the other side|some students say|some parents say|some teachers say|some students may say|some parents may say|one might object|one could object|a common objection|people may say|people might say"),
    (Role::Rebuttal, "however|but|nevertheless|nonetheless|yet|this argument ignores|this ignores|this view ignores|this argument fails|this is not true|this objection|that argument|even so|still|although this|while this|while that|although that|in reality|in fact|on the contrary|this overlooks|they forget|they ignore|they overlook|that may be true|this may be true|even if"),
    (Role::Conclusion, "in conclusion|to conclude|in summary|to summarise|to summarize|to sum up|in sum|all in all|overall|in short|in closing|ultimately|for all these reasons|for these reasons|as i have shown|as we have seen|taken together|in the end|on balance|therefore|finally|that is why|this is why"),
    (Role::Lead, "have you ever|imagine|picture this|did you know|what would you do|do you ever|what if|throughout history|for centuries|in today's world|in today's society|since the beginning|think about|what is|ever since"),
    (Role::Future, "am going to|is going to|are going to|i'm going to|we're going to|they're going to|you're going to|it's going to|he's going to|she's going to"),
    (Role::Idiom, "thank you|you know|you see|do you|did you|have you|are you|would you|could you|as you can see|if you ask me|how are you|see you|can you"),
];

/// Words in -ed that are neither past nor participle.
pub(super) const NOT_ED: &[&str] = &[
    "need", "indeed", "speed", "seed", "feed", "weed", "deed", "breed", "bleed", "exceed", "proceed", "succeed",
    "hundred", "sacred", "naked", "wicked", "rugged", "ragged", "kindred", "hatred", "greed", "reed", "creed", "shed",
    "sled", "embed", "moped", "biped", "beloved", "crooked", "learned", "guaranteed", "freed", "agreed", "shred", "infrared",
];

pub(super) const NOT_ING: &[&str] = &[
    "thing", "things", "nothing", "something", "anything", "everything", "during", "morning", "evening", "spring",
    "string", "bring", "bring", "swing", "sting", "cling", "fling", "sling", "ceiling", "king", "being", "wedding",
];

pub(super) const LATINATE_SUFFIXES: &[&str] = &[
    "tion", "tions", "sion", "sions", "ity", "ities", "ment", "ments", "ance", "ence", "ances", "ences", "ous", "ive",
    "ible", "able", "ical", "ology", "ologies", "ism", "isms", "ist", "ists", "ise", "ize", "ised", "ized", "ify",
    "ified", "ate", "ated", "ating", "graphy", "cracy", "ic", "ics", "ary", "ory", "tude", "ual", "ural",
];

const NOMINAL_SUFFIXES: &[&str] = &[
    "ation", "ations", "ition", "itions", "ution", "utions", "ction", "ctions", "ption", "ptions", "sion", "sions",
    "ment", "ments", "ance", "ances", "ence", "ences", "ness", "nesses", "ility", "ilities", "ality", "ivity", "osity",
];

/// Words that carry such a suffix but hide no verb or adjective for a reader today.
const NOT_NOMINAL: &[&str] = &[
    "moment", "moments", "comment", "comments", "element", "elements", "document", "documents", "instrument",
    "instruments", "apartment", "apartments", "department", "departments", "parliament", "monument", "monuments",
    "cement", "garment", "garments", "segment", "segments", "fragment", "fragments", "ornament", "supplement",
    "environment", "environments", "government", "governments", "experiment", "experiments", "science", "sciences",
    "sentence", "sentences", "audience", "audiences", "evidence", "essence", "presence", "absence", "silence",
    "violence", "conscience", "sequence", "sequences", "substance", "substances", "instance", "instances", "distance",
    "distances", "circumstance", "circumstances", "romance", "finance", "finances", "balance", "ambulance", "chance",
    "entrance", "fence", "condition", "conditions", "tradition", "traditions", "position", "positions", "edition",
    "editions", "audition", "ambition", "ambitions", "nutrition", "constitution", "constitutions", "institution",
    "institutions", "section", "sections", "fraction", "fractions", "fiction", "function", "functions", "mission",
    "missions", "mansion", "mansions", "dimension", "dimensions", "pension", "pensions", "tension", "passion",
    "television", "version", "versions", "occasion", "occasions", "profession", "professions", "session", "sessions",
    "business", "businesses", "witness", "witnesses", "harness", "wilderness", "population", "populations", "vacation",
    "vacations", "location", "locations", "situation", "situations", "generation", "generations", "corporation",
    "corporations", "foundation", "foundations", "reputation", "personality", "quality", "facility", "facilities",
    "university", "community", "electricity", "influence", "experience", "experiences", "reference", "references",
    "conference", "conferences", "difference", "differences", "equation", "equations", "plantation", "plantations",
    "civilisation", "civilization", "civilizations", "civilisations", "station", "stations", "option", "options", "caption", "reality",
];

pub(super) fn is_nominalisation(word: &str) -> bool {
    NOMINAL_SUFFIXES.iter().any(|suffix| word.len() > suffix.len() + 2 && word.ends_with(suffix))
        && !NOT_NOMINAL.contains(&word)
}
