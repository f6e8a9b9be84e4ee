// Who the page is signed in as, in its head. On a development fabric a choice; elsewhere what the sign-in said.

import { useEffect } from "preact/hooks";
import { become, known, ROLES, type Role, session } from "./session";

export function Who() {
  useEffect(() => {
    known();
  }, []);
  const told = session.value;
  if (!told?.sessions) return null;
  if (!told.development) return <p class="who">{told.signedIn ? told.roles.join(", ") : "Not signed in"}</p>;
  return (
    <label class="who">
      <span>Acting as</span>
      <select
        value={told.roles[0]}
        onChange={(event) => {
          become(event.currentTarget.value as Role);
        }}
      >
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {role}
          </option>
        ))}
      </select>
    </label>
  );
}
