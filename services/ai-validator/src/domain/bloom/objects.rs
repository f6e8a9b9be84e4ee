//! What a verb says together with what it acts on: the object decides.
//!
//! "Identify the capital" remembers, "identify the assumptions" analyses; "evaluate the integral" applies. Rows are
//! patterns of [`lyceum_prose::phrases`]; the first word is the verb. When not: a verb without a telling object is
//! left to [`super::verbs`]. Source: the examples and test items discussed by Anderson & Krathwohl 2001; rows are ours.

use super::Level::{self, Analyse, Apply, Create, Evaluate, Remember, Understand};
use lyceum_prose::phrases::Class;

#[rustfmt::skip]
pub(super) const CLASSES: &[Class] = &[
    ("the", &["the", "a", "an", "its", "their", "this", "that", "these", "those", "any", "some", "each", "all", "your", "his", "her", "both"]),
    ("hidden", &["assumption*", "bias*", "premise*", "fallac*", "relationship*", "relation", "relations", "pattern*", "connection*", "theme*", "motive*", "cause*", "factor*", "structure*", "technique*", "device*", "evidence", "inference*", "conclusion*", "implication*", "tension*", "contradiction*", "similarit*", "difference*", "trend*", "weakness*", "strength*", "influence*"]),
    ("piece", &["story", "stories", "poem", "song", "play", "scene", "script", "speech", "letter", "diary", "dialogue", "novel", "ending", "article", "blog", "program", "app", "game", "advertisement", "poster", "podcast", "film", "video", "monologue", "manifesto", "proposal", "hypothesis", "model", "sonnet", "haiku", "brochure"]),
    ("number", &["value", "values", "area", "volume", "speed", "length", "sum", "mean", "median", "mode", "current", "mass", "force", "energy", "probability", "angle", "perimeter", "product", "root", "roots", "derivative", "concentration", "height", "distance", "cost", "percentage", "voltage", "density", "gradient", "ratio"]),
    ("formal", &["integral", "expression", "function", "equation", "limit", "determinant", "polynomial", "derivative"]),
    ("worth", &["better", "best", "right", "wrong", "fair", "justified", "effective", "convincing", "reliable", "successful", "good", "valid", "suitable", "important", "useful", "trustworthy", "worth", "suits"]),
];

#[rustfmt::skip]
pub(super) const TABLE: &[(Level, &[&str])] = &[
    (Remember, &[
        "note down", "say ~ alphabet|names|poem|prayer|date|dates|table", "jot down",
        "put ~ order", "put ~~ order in|they|of", "order ~ by|from date|oldest|earliest|first", "copy out", "write out", "say ~ by heart", "point to|at|out", "learn ~", "tick|circle|choose ~ correct|right", "fill in", "true or false",
        "write down ~ formula|definition|name|names|date|dates|law|word|words", "make a list", "write a list", "write the name|names|date|definition", "give ~ name|names|date|symbol|definition|formula|year|term", "find ~ date|name|names|year|word|words", "select ~ correct|right answer|word|option",
        "tell ~ name|names|date", "identify ~ capital|capitals|cities|city|name|names|parts|countries|date|verb|verbs|noun|nouns",
    ]),
    (Understand, &[
        "draw|make|write ~ that explains|shows|illustrates|summarises", "draw|make|write ~ explaining|showing|illustrating|summarising", "change|turn ~ into your own words",
        "put ~ own words", "put ~~ own words", "say ~ own words", "give ~ reason|reasons why|that", "say why|what|how", "sum up", "tell ~ own words", "retell ~", "explain to", "write ~ definition ~ own words", "write ~ caption|captions|paraphrase", "put ~ groups|categories", "arrange ~ groups|categories", "choose|find ~ title|headline|heading", "turn ~ into ~ own words", "match ~ example|examples|picture|pictures", "draw ~ timeline|mind map", "write what|why|how", "complete the analogy", "show ~ difference|meaning",
        "write ~ summary|abstract|synopsis|explanation", "give|provide ~ example|examples|summary", "draw a diagram", "draw ~ diagram|picture that|of|to", "discuss what ~ means|is", "discuss the meaning", "explain|describe the difference", "identify ~ main idea|point", "find ~ main idea|point", "show ~ understanding", "make ~ prediction|predictions",
        "use your own words", "explain what|how|why",
    ]),
    (Apply, &[
        "rewrite|change|turn ~ in|into the passive|past|plural|negative|future|present|tense|form", "change|convert|turn ~~ fractions|decimals|percentages|metres|grams|minutes|units|seconds|degrees|euros", "enter ~", "make ~ bar|pie|line chart|graph|table", "make ~ chart|table|graph", "write ~ sql|html|loop|query|test|class|method",
        "put ~~ form|tense|brackets|plural|past", "put ~ correct|right form|tense", "put ~ into practice", "take ~ pressure|pulse|temperature|measurement|measurements|reading|readings|sample|samples", "set up", "write ~ query|equation|expression|sentence|sentences|sum|function|loop|formula for", "use #the ~", "using ~", "turn ~ fraction|fractions|decimal|decimals|percentage|number|units", "make ~ according|following|solution of", "arrange ~ equation", "correct ~", "check ~ answer|calculation|result by", "give ~ answer to|in", "give the patient|first aid", "find|determine|estimate ~ #number", "find|determine|estimate ~~ #number", "draw ~ to scale", "record ~", "reflect ~ shape|triangle|point in", "mark ~ on|point|points", "translate|rotate ~ shape|triangle|point by", "map ~ coordinates", "expand|factorise|rearrange ~",
        "use ~ to find|solve|calculate|work|measure|plan|answer|determine|make|convert", "use ~ formula|theorem|law|rule|rules|method|equation|timetable|table|map", "find #the #number", "find ~ of x|y", "find x|y", "evaluate ~ #formal", "differentiate ~ #formal", "differentiate ~ with respect", "integrate ~ #formal", "carry out", "work out", "show how|that you would|can|to measure|use|do|take|solve|apply",
        "determine #the ~ #number|ph", "complete #the ~ table|balance|equation|calculation|form", "draw|sketch ~ graph|curve", "make ~ calculation|calculations", "write ~ in|into past|passive|plural|negative",
    ]),
    (Analyse, &[
        "explain|describe ~ links|link|connection|connections|interplay|relationship|tension between|of", "explain|describe|show how ~~ influence|influences|affects|reveals|creates|contributes|conveys",
        "find|spot|locate|identify ~ flaw|flaws|error|errors|mistake|mistakes|bug|bugs|contradiction|contradictions|loophole|fallacy", "find|identify ~ reason|reasons why", "find|identify ~~ #hidden", "determine ~ point of view", "determine ~ attitude|tone|purpose|intention|intent|motive|structure|cause|causes|relationship", "separate|divide|split ~ from|into", "compare ~ with|to ~ in terms", "explain|describe|show how ~ presents|present|creates|create|builds|build|conveys|reveals|uses|changes|affects|influences|contributes", "explain|describe|show how ~~ presents|present|creates|create|builds|build|conveys|reveals|uses|affects|influences|contributes", "explain|describe ~ effect|impact|influence|role|structure|function", "look for ~ patterns|similarities|differences|links", "link|connect ~ to|with", "work out why|which|who|how", "group|organise|sort|order ~ by|according ~ author|point|purpose|cause|motive|argument|function", "describe ~ pattern|trend|structure", "list ~ similarities|assumptions|arguments", "map ~ argument|arguments|relationships|connections", "write ~ analysis", "suggest why", "draw links|connections|parallels",
        "identify ~ #hidden", "find ~ #hidden", "find out why|how|which|what", "compare and contrast", "compare how|why", "compare the way|ways|structure|methods|arguments|approaches|effects|styles|views|techniques", "compare ~ structure|methods|arguments|approaches|effects|styles|views|techniques|causes|reasons|roles|motives|characters|themes|attitudes|strategies|impact|influence", "discuss ~ causes|effects|consequences|relationship|reasons|factors|impact|role|structure|influence|themes",
        "explain how the parts|elements|features", "explain ~ relationship|relationships|connection|connections", "explain how ~ relate|relates|connect|work together", "explain how ~ parts", "explain how ~ writer|author|poet uses|creates|presents", "describe ~ relationship|connection", "draw ~ conclusions|conclusion|inferences", "break ~ down", "determine which|whether|why ~ point|bias|view",
        "show how ~ connected|related|relate", "outline ~ argument|arguments", "examine ~", "find evidence", "support ~ find",
    ]),
    (Evaluate, &[
        "say|explain|state which ~", "say|explain|discuss|decide|state how far|well|effective|successful", "write ~ verdict|judgement|editorial|opinion|reference", "make ~ case|recommendation|judgement|decision", "take a stand|position|side", "reach|come ~ verdict|conclusion|decision|judgement", "award ~", "argue that|whether", "tell ~ opinion|think", "pick|choose|select ~ best|most|strongest|better", "pick|choose|select ~ and explain|justify|defend", "say|explain whether|if", "identify|find|discuss|list|name ~ strengths|advantages|merits ~ and", "test ~ claim|argument against", "support|back ~ view|opinion|answer|judgement", "give ~ feedback|mark|grade|rating|verdict", "consider whether|if", "check ~ reliability|against ~ criteria", "put ~ order of importance", "order ~ importance|priority", "compare ~ which ~ better|best",
        "explain|discuss|say|show|state|decide whether|if", "explain|say why ~ #worth", "explain which ~ #worth", "discuss ~ extent", "give|state|express your ~ opinion|view|views|verdict|judgement", "give reasons for|to your|support|justify|back", "write ~ review|critique|recommendation|evaluation|appraisal", "make a judgement|recommendation|case", "choose ~ best", "choose ~ and justify", "support ~ opinion|view|answer|claim|position", "discuss ~ strengths|merits|advantages|pros|validity|effectiveness",
        "identify|describe|examine|list|compare|outline ~ strengths|merits|pros", "identify|describe|examine|outline ~ advantages and|or", "compare ~ effectiveness|merits|reliability", "find ~ best", "come to a conclusion|judgement|verdict", "write ~ argumentative|persuasive", "argue for|against", "use evidence to argue|support|defend", "determine whether ~ #worth", "investigate whether ~ #worth", "select ~ best|most",
    ]),
    (Create, &[
        "write|make|draw ~ rap|musical|comedy|comic|cartoon|collage|mural|advert|trailer|game", "suppose ~",
        "turn ~ into ~", "turn ~~ into ~", "sketch|draw|paint ~ alternative|new|own|invented|imaginary", "sketch|draw out|up ~", "sketch out", "draw ~ up", "film ~", "act out", "write ~ own", "write ~ #piece ~", "write an|a ~ #piece", "write ~ report|column|obituary|interview|chapter|verse|rap|fable|myth|fairy|menu|recipe|constitution|law|user manual", "set ~ to music", "think up|out", "work|put together a|an", "find a way|new|solution|original", "make ~ own|new|original", "develop|suggest ~ theory|hypothesis|solution|plan|plans", "plan ~", "record a|an|your ~ song|podcast|video|message", "use ~ to write|compose|make ~ story|poem|new|own", "design ~", "invent ~", "arrange ~ song|music|exhibition", "take ~ photographs|photos that", "imagine ~",
        "write ~ #piece", "write ~ new|original|own", "make ~ #piece", "make up", "draw up", "imagine", "think of ~ way|ways|new|original|alternative", "come up with", "put together", "suggest ~ improvement|improvements|alternative|alternatives|new", "use ~ to create|design|invent|build", "prepare ~ #piece", "draw ~ plan|design|comic|cartoon",
        "show ~ in a #piece", "describe ~ design|invention you", "formulate ~ hypothesis|question|questions",
    ]),
];
