// Two drafts side by side: what was kept, moved, revised, added, removed, and how the measures grew.

import { Asking } from "../calling/asking";
import { writing } from "../calling/clients";
import { Answer } from "../elements/answer";
import { Editor } from "../elements/editor";
import type { CompareDraftsResponse } from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { kept } from "../keeping";
import { wellFormed } from "../text/scalars";
import { Comparison } from "./comparison";

/** An answer and the drafts it is about. */
interface Compared {
  readonly earlier: string;
  readonly later: string;
  readonly response: CompareDraftsResponse;
}

export const comparing = new Asking<Compared>();

function ask(): void {
  const [earlier, later] = [kept.earlier.value, kept.later.value];
  void comparing.ask(async (signal) => ({
    earlier,
    later,
    response: await writing.compareDrafts({ earlier: wellFormed(earlier), later: wellFormed(later) }, { signal }),
  }));
}

export function Drafts() {
  const essay = kept.essay.value;
  const ready = kept.earlier.value.trim() !== "" && kept.later.value.trim() !== "";
  return (
    <div class="drafts">
      <div class="two-sided">
        <section class="side">
          <Editor
            id="earlier"
            label="Earlier draft"
            rows={8}
            text={kept.earlier}
            placeholder="The draft you began with"
          />
        </section>
        <section class="side">
          <Editor id="later" label="Later draft" rows={8} text={kept.later} placeholder="The draft as it is now" />
          {essay.trim() !== "" && kept.later.value !== essay && (
            <button
              type="button"
              class="button-quiet"
              onClick={() => {
                kept.later.value = essay;
              }}
            >
              Use what is on the desk
            </button>
          )}
        </section>
      </div>
      <div class="actions">
        <button type="button" class="button" disabled={!ready} onClick={ask}>
          Compare
        </button>
      </div>
      <Answer
        asking={comparing}
        what="the comparison"
        onRetry={ask}
        empty="Put two drafts side by side and see which sentences stayed, moved, changed, came and went."
      >
        {(compared) => <Comparison {...compared} />}
      </Answer>
    </div>
  );
}
