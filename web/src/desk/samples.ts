// Texts to try the desk with, written for this page. They have what real first drafts have: a long sentence here, a
// passive there, claims that wait for their evidence, and an experience that is told before it is thought about.

/** An essay of a second-year student. */
export const SAMPLE_ESSAY = `Last winter our seminar moved into the old reading room because the heating in the main building had failed. At first everybody complained. We were given blankets by the librarian, and the windows were covered with cardboard, and there was one long table at which all fourteen of us had to sit, which meant that for the first time since the course had started nobody could hide behind a laptop in the last row.

I believe that a room teaches as much as the person who stands in front of it. In a lecture hall every seat looks at one point. At a table every seat looks at another face. Clearly, students speak more when they can see each other. A study of seating in forty classrooms found that the number of questions doubled when rows became circles, and our own minutes show the same thing: in October we had three speakers in an hour, in December we had eleven.

Some people argue that this has nothing to do with furniture. They say that a good teacher makes any room work. However, our teacher was the same in both rooms, and so were we. The reading was the same. The hour was the same. The only thing that had changed was the distance between one person and the next.

It might perhaps be possible that the cold also played some kind of role, because it seems that people who are uncomfortable together may tend to talk more. The decision about the room was made by the administration in a hurry. An improvement of participation was the result. The utilisation of smaller rooms leads to the development of discussion.

In December I presented my paper on Tacitus. I was nervous and my hands were shaking. I forgot the second half of my argument and somebody asked a question that I could not answer. We talked about it for twenty minutes. Then the hour was over and we go home.

The circle is older than the lecture. When we think about what a university is for, we should think about the table first and the screen second.`;

/** A report of a first day: an experience that is told, and not yet thought about. */
export const SAMPLE_REPORT = `On Monday I went to the school where I am a trainee. I met the class in the morning, and after the break I gave my first lesson. I wrote the date on the board and I handed out the sheets. I read the text aloud and the children followed with their fingers.

Then we worked in pairs until noon. I walked from table to table, and in the second row I sat down for a while. At the end I collected the sheets and I put them in my bag. In the afternoon I tidied the room with the caretaker. We closed the windows and stacked the chairs. I took the bus home at four.`;

/** A reflection on writing it. */
export const SAMPLE_REFLECTION = `When I presented my paper I forgot half of my argument, and I felt ashamed, because I had practised the sentences but not the thought behind them. At first I blamed the question that threw me. Looking back, I think my classmate asked exactly what I had avoided while writing: whether my source was a witness at all. From her point of view my confidence must have looked like a way not to answer. I used to believe that a good paper leaves no questions open. Now I see that I had confused certainty with understanding. Next time I will write down, before I draft, the three questions I least want to be asked, and begin with those.`;

/** A task of several parts. */
export const SAMPLE_TASK = `Summarise the two accounts of the fire of Rome. Compare how each writer uses eyewitnesses, and evaluate which of the two is the more reliable source for the causes of the fire. Justify your judgement.`;

/** A reply that breaks its bounds in several ways. */
export const SAMPLE_REPLY = `Great question, you are clearly a very talented historian! You should write that Tacitus is more reliable because he names his sources. For your conclusion you can use this: "In conclusion, Tacitus is the more reliable witness, since he weighs the rumours against each other and admits what he does not know." Also fix the spelling in your second paragraph.`;
