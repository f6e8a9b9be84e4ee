// Levels that build on each other, and which one was reached.

interface Props {
  readonly label: string;
  readonly steps: readonly { readonly name: string; readonly about: string }[];
  /** Counts from 0; -1 where none was reached. */
  readonly reached: number;
}

export function Ladder({ label, steps, reached }: Props) {
  return (
    <ol class="ladder" aria-label={label}>
      {steps.map(({ name, about }, index) => (
        <li
          key={name}
          class={index === reached ? "rung rung-here" : index < reached ? "rung rung-passed" : "rung"}
          aria-current={index === reached ? "step" : undefined}
        >
          <span class="rung-name">{name}</span>
          <span class="rung-about">{about}</span>
        </li>
      ))}
    </ol>
  );
}
