// Texts for the tests, written for them.

/** Begins with characters that UTF-16 counts twice, so that a span that is off shows. */
export const ESSAY = `😀🎓 The letter was written by the committee in a hurry, and nobody had been asked for an opinion. Clearly, the new rule is the best rule that our school has ever seen.

I believe that shared tables help students to speak. When I sat at the round table for the first time, I noticed that everybody looked at everybody. For example, in October three of us spoke in an hour, and in December eleven did. Some people say that furniture changes nothing. However, the teacher was the same in both rooms.

The results of the survey were presented by our group in January. It might perhaps be possible that the cold played some kind of role, because it seems that people who freeze together may tend to talk. In conclusion, a school should think about its tables before it buys new screens.`;

/** Deep enough to open some help. */
export const REFLECTION = `When I presented our survey I noticed that I was afraid of questions, and I felt ashamed afterwards, because I had learnt the slides by heart but not understood the numbers behind them. I used to believe that a good talk leaves nothing open. Looking back, I realise that my classmate saw exactly what I had avoided. From her point of view I must have seemed certain where I was only loud. I have learnt that certainty and understanding are two things. Next time I will write down the three questions I least want to hear, and begin with those.`;

export const TASK = "Summarise the two accounts of the fire. Evaluate which of them is the more reliable source.";

export const REPLY = `You should write that Tacitus is more reliable because he names his sources. For your conclusion you can use this: "In conclusion, Tacitus is the more reliable witness, since he weighs the rumours against each other."`;

export const GERMAN = `Die Schule hat im letzten Winter einen neuen Raum bekommen, und alle haben sich darüber beschwert, weil es dort sehr kalt war. Ich glaube aber, dass ein gemeinsamer Tisch mehr verändert als jeder neue Bildschirm, denn man sieht einander ins Gesicht und kann sich nicht verstecken.`;
