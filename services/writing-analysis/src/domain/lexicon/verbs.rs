//! Verbs: the irregular forms, and the common ones whose present form is recognisable.

use super::Traits;

const PAST: Traits = Traits::PAST;
const PART: Traits = Traits::PARTICIPLE;

pub(super) const VERBS: &[(Traits, &str)] = &[
    (
        Traits::BE,
        "am is are was were be been being isn't aren't wasn't weren't",
    ),
    (Traits::BE.with(Traits::CONTRACTED), "i'm you're we're they're"),
    (Traits::CONTRACTED, "it's he's she's that's there's what's who's here's"),
    (PAST, "was were wasn't weren't had hadn't did didn't"),
    (
        Traits::PRESENT,
        "am is are isn't aren't has hasn't have haven't does doesn't do don't i'm you're we're they're it's he's she's that's there's i've we've they've you've",
    ),
    (Traits::GET, "get gets got getting gotten"),
    (
        Traits::HAVE,
        "have has had having haven't hasn't hadn't i've you've we've they've",
    ),
    (
        Traits::MODAL,
        "can could may might must shall should will would can't cannot couldn't mightn't mustn't shan't shouldn't won't wouldn't ought i'd you'd he'd she'd we'd they'd",
    ),
    (Traits::PRESENT, "can may must can't cannot"),
    (
        Traits::FUTURE,
        "will won't shall shan't i'll you'll he'll she'll it'll we'll they'll",
    ),
    (Traits::OUGHT, "should must ought shouldn't mustn't needs"),
    (
        Traits::LIGHT,
        "make makes made making take takes took taken taking give gives gave given giving do does did done doing have has had having perform performs performed performing conduct conducts conducted conducting provide provides provided providing reach reaches reached reaching carry carries carried carrying hold holds held holding undertake undertook undertaken come comes came put puts putting offer offers offered offering show shows showed",
    ),
    // Past forms that are neither participle nor noun in most texts.
    (
        PAST,
        "arose ate awoke became began bit blew broke chose came did drank drew drove fell flew forbade forgave forgot froze gave went grew hid knew lay mistook overcame overtook ran rang rode rose sang sank saw shook shrank sprang stole strove swam swore threw took tore undertook withdrew woke wore wrote",
    ),
    // The same form for both.
    (
        PAST.with(PART),
        "bent bought bound bred brought built burnt caught clung crept dealt dreamt dug felt fed fled fought found ground heard held kept knelt laid leant leapt learnt led left lent lit lost made meant met paid said sat sent shone shot slept slid sold sought spent spoilt spun stood struck stuck swept swung taught thought told understood won wound withheld overheard mistook misunderstood rebuilt",
    ),
    // Participles alone.
    (
        PART,
        "arisen awoken beaten begun bitten blown broken chosen done drawn drunk driven eaten fallen flown forbidden forgiven forgotten frozen given grown hidden known laid lain mistaken overcome overtaken ridden risen rung run seen shaken shown shrunk sprung stolen sung sunk sworn swum taken thrown torn undertaken withdrawn woken worn woven written proven hit cut put set read shut split spread hurt let cast forecast rewritten overthrown outgrown undone redone strewn sewn sown mown swollen",
    ),
    // Regular pasts of verbs so common that the form is hardly ever an adjective.
    (
        PAST,
        "asked decided wanted tried started stopped walked looked helped happened arrived returned realised realized noticed enjoyed learned believed seemed appeared turned talked worked played lived moved reached managed failed explained agreed argued refused wondered remembered smiled laughed cried shouted watched waited",
    ),
    // Present forms that are hardly ever nouns.
    (
        Traits::THIRD_S,
        "says makes takes gives goes comes knows thinks sees gets finds becomes begins seems appears needs wants tries helps shows means keeps allows provides contains includes creates causes explains describes suggests argues believes claims states represents remains depends consists exists grows tells asks happens occurs leads brings requires produces prevents protects improves increases decreases affects gains loses reveals proves illustrates demonstrates implies indicates reflects uses teaches learns feels lives works plays reads writes understands remembers wonders hopes likes loves hates speaks runs eats sleeps walks stands sits falls rises moves turns carries holds follows considers starts stops jumps forgets screams cries throws catches pulls pushes grabs enters returns arrives smiles laughs whispers shouts wakes drives rides flies swims climbs breaks builds buys sells pays sends meets decides opens closes disappears attacks kills dies escapes hides listens sings hears adds promises joins chooses tries compares absorbs releases heats cools melts flows spreads attracts consumes connects belongs refuses accepts discovers explores introduces presents ends continues",
    ),
    (
        Traits::BASE,
        "say make take give go come know think see get find become begin seem appear need want try help show mean keep allow provide contain include create cause explain describe suggest argue believe claim state represent remain depend consist exist grow tell ask happen occur lead bring require produce prevent protect improve increase decrease affect gain lose reveal prove illustrate demonstrate imply indicate reflect use teach learn feel live work play read write understand remember wonder hope like love hate speak run eat sleep walk stand sit fall rise move turn carry hold follow consider agree disagree start stop spend buy pay choose care enjoy prefer realise realize expect notice look talk waste share deserve add promise jump forget scream cry throw catch pull push grab enter return arrive smile laugh whisper shout wake drive ride fly swim climb break build sell send meet decide open close disappear attack kill die fight escape hide wait listen sing dance hear leave flee join compare absorb release heat cool mix pour measure wash clean cook train drink visit travel study practise practice wear win lose save support refuse accept discover explore continue end",
    ),
    (
        Traits::OPINION,
        "think believe feel argue agree disagree consider hold maintain claim",
    ),
    // States rather than actions, unless "by" follows.
    (
        Traits::STATE,
        "accustomed advanced aged alarmed amazed amused annoyed ashamed astonished attached bored born complicated concerned confused committed convinced crowded dedicated delighted depressed determined devoted disappointed disgusted distressed divided done educated embarrassed engaged excited exhausted experienced fascinated finished frightened frustrated gone grown hurt impressed inclined interested involved isolated limited located lost married meant mistaken motivated overwhelmed pleased prepared puzzled qualified related relaxed relieved reserved retired satisfied scared set shocked skilled spread stressed stuck supposed surprised talented terrified thrilled tired touched unexpected upset used worried wounded worn sophisticated gifted sacred based opposed entitled obliged allowed left closed detailed outdated unprepared unrelated disinterested inspired divorced frozen",
    ),
];
