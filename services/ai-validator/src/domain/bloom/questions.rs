//! What the form of a question asks for, whatever its verbs.
//!
//! "Who" and "when" ask to remember, "why" to understand, "to what extent" to judge. Rows are patterns of
//! [`lyceum_prose::phrases`]; where several fit, the longer one overrules the shorter that it covers. When not:
//! commands are read by [`super::objects`]. Source: as there.

use super::Level::{self, Analyse, Apply, Create, Evaluate, Remember, Understand};

#[rustfmt::skip]
pub(super) const TABLE: &[(Level, &[&str])] = &[
    (Remember, &[
        "at|on|from|to|with|by|for|under|in what|which|whom", "what", "true or false", "who ~", "what does|do ~ stand for", "what does ~~ stand for", "how long|far|high|deep|heavy|big|fast is|are|was|were|did", "which ~ ~", "whose ~",
        "who", "whose", "whom", "when", "where", "in which year|country|city|century|month", "how many", "how long|old|tall|far is|are|was|were", "what is|are|was|were", "what's", "what year|date|colour|name", "which", "is|are|was|were|did|does|do|has|have a|an|the",
        "is|are|was|were|did|does|do|has|have",
    ]),
    (Understand, &[
        "what lesson|moral|message", "what ~ mean|means|teach|teaches",
        "what does|do ~ show|tell|suggest|say|explain", "which ~~ sums|summarises|means|describes|explains|matches", "which ~~ best ~ up|describes|explains|summarises", "what kind|type|sort of", "what are ~ reasons|differences|similarities", "what could|might|would ~ mean", "how can you tell", "what is|are the difference|differences|similarities", "how would|could|can you explain|describe|put|summarise|say", "what makes ~", "how come", "what would|will|might ~ happen|next",
        "what is|are meant", "what do|does|did ~ mean|means|stand", "what is the meaning|idea|message|point|difference|purpose|function", "what is the main idea|message|point", "why", "how does|do|did|is|are|was|were", "what will|would happen", "what happens", "how can ~ explain", "which ~ main idea", "what is|are|was|were ~ like",
    ]),
    (Apply, &[
        "how much ~", "how much|many ~ does|do|will|would|must|can|could|is", "what is|was|will ~ #number", "what are ~ values|coordinates|roots", "how long|far|fast|high|many|much will|would|must|does|do|can", "how much|many|long ~ get|need|take|travel|cost|weigh|hold|receive|pay", "what should|must you|she|he|the ~ do|give|enter|type|press", "what dose|angle|length|voltage|speed",
        "how would|could|can|do you use|solve|apply|calculate|measure|show", "how would|could|can|do you ~ use|solve|apply|calculate|measure", "how many ~ needed|need|required|left|altogether", "how many ~~ needed|left|altogether", "how much ~ cost|need|needed|left|weigh", "what is the #number of|when|if", "using",
    ]),
    (Analyse, &[
        "what do|does|did ~~ reveal|reveals|imply|suggest about|that", "how do|does|did ~~ make|lead|persuade|manipulate|position|respond|fit|work together", "which ~~ explain|explains|cause|causes|led|contribute|influence|affect|reveal|support|supports", "why do|does|did ~~ react|respond|hesitate|fail|refuse", "how do|does ~~ compare|interact|conflict|contradict",
        "how do|does|did ~ differ", "how do|does|did ~~ differ", "what role|part|function|effect|impact|influence|significance do|does|did|has|have", "which ~ techniques|features|clues|factors|motives|arguments|forces", "how is|are|does|do|did ~ presented|portrayed|structured|built|constructed|organised|develop|change|present|portray|build|contrast|depend", "how is|are|does|do|did ~~ presented|portrayed|structured|built|constructed|organised|develop|change|present|portray|build|contrast|depend", "what distinguishes|separates|links|connects", "what lies behind", "what can ~ tell ~ about", "why might|may|would ~ have", "why did|does|do ~~ choose|decide|use|repeat|change", "what do ~ have in common", "what do ~~ have in common", "what is|are ~ common|underlying|hidden", "what is ~ purpose|function ~ of ~ paragraph|line|image|scene", "what explains", "where do|does ~ differ|disagree|contradict", "what assumptions|evidence|techniques ~",
        "what is|are the relationship|relationships|connection|link|relation", "what relationship|pattern|patterns|inference|inferences|conclusion|conclusions|assumption|assumptions|motive|motives|trend|trends", "how does|do|did ~~ influence|affect|shape|relate|contribute|create|reflect|reveal|convey|compare", "how does|do|did ~ influence|affect|shape|relate|contribute|create|reflect|reveal|convey|compare|use",
        "how are|is|were|was ~ connected|related|linked", "how are|is|were|was ~~ connected|related|linked", "why did|does|do ~ author|writer|poet|narrator|director|artist|painter|speaker", "what evidence", "which ~ features|factors|parts|elements|evidence|assumptions", "what is|are|was|were the ~ cause|causes|effect|effects|theme|themes|motive|motives|factors|implications",
        "what factors|features|techniques|causes", "what can ~ conclude|infer|inferred", "in what way|ways",
    ]),
    (Evaluate, &[
        "which ~~ best|better|most|worst|fairest|strongest|should|deserves", "to what degree", "how much trust|weight|confidence|credit", "is|are|was|were ~~ to blame|justified|acceptable|worth|success|failure|mistake|convincing|realistic|better|best", "did|does|do ~~ deserve|outweigh|succeed|fail ~", "who ~~ blame|best|right|responsible",
        "would you ~", "would it ~", "should ~", "which ~ should", "which ~~ should", "is|are|was|were ~ ever|really|acceptable|justified|necessary|harmful|good|bad|enough|worthwhile|too|wise|ethical|moral|a success|reliable|convincing", "is|are|was|were ~~ ever|really|acceptable|justified|necessary|harmful|good|bad|enough|worthwhile|too|wise|ethical|moral|reliable|convincing|better|right", "who is|was|were ~ best|better|greatest|most|right|to blame|responsible", "who ~ deserves|deserve|should", "which ~ would you", "which ~ do you", "what would be ~ best|better|fairest", "what would you ~ recommend|choose|advise|decide", "can ~ be justified|trusted|defended|called", "can ~~ be justified|trusted|defended", "did ~ right|deserve|fair|succeed|well", "did ~~ right|deserve|fair|succeed|well", "does ~ deserve|outweigh|work better", "do ~ outweigh", "do ~~ outweigh", "are you convinced|persuaded", "is there enough|too|good", "how good|strong|fair|realistic|trustworthy|likely|adequate|accurate|satisfied|serious", "who ~ right|better", "what is ~ greatest|worst|strongest|weakest|best", "what do you think", "how would you rate|judge|rank", "why or why not", "was it ~",
        "to what extent", "how far", "do you agree|think|believe|approve", "would you recommend|choose|say|prefer|agree", "should", "which ~ is|are|was|were|has|had ~ better|best|more|most|fairer|stronger|worse|worst", "which ~~ better|best|stronger|worse|worst", "which ~ most|more important|effective|convincing|trustworthy|reliable|useful", "is|was|are|were it ~ right|wrong|fair|ethical|acceptable|justified|moral|better|worth|good",
        "how convincing|effective|important|successful|reliable|well|useful|fair|valid|significant|justified|trustworthy", "was|is|were|are ~ success|failure|justified|right|wrong|fair|mistake|successful|effective|worth", "was|is|were|are ~~ success|failure|justified|mistake|successful|effective", "what is|was|are|were the|your best|greatest|opinion|verdict", "what is|was|are|were the most|least", "what is|was your", "what do you think", "in your opinion|view",
        "what are|is|were the ~ strengths|merits|advantages|pros|strength|weaknesses", "why is ~ better|best|right|wrong|fair", "does ~ justify",
    ]),
    (Create, &[
        "how could|might|would|can ~~ improve|improved|redesign|redesigned|prevent|reinvent|solve|solved",
        "what would ~ look like", "what would ~~ look like", "how else could|might|can", "how might|could|can ~ solve|solved|fix|combine|prevent|encourage", "what would you ~ call|add|put|include", "what could ~ replace|be used", "what new|other ways|uses", "if you ~ design|invent|write|create",
        "how would|could|might|can ~ design|redesign|improve|improved|invent|create|build|adapt|change|rewrite|make", "how would|could|might|can ~ be improved|changed|redesigned", "what alternative|alternatives|new", "what would you design|invent|create|write|change|build", "can|could you ~ think|invent|design|create|imagine|come", "what if you", "what could you invent|create|build|design", "what solution|solutions ~ propose|suggest",
    ]),
];
