// The page of whoever runs a project: how it stands, what is to be settled, and what may be wrong.

import { $ } from "./dom.js";
import { look, open, suspects } from "./settling.js";
import { pause, stands } from "./stands.js";

const AGAIN = 15_000; // ms between two looks at how it stands

$("look").addEventListener("click", look);
$("pause").addEventListener("click", pause);
$("language").addEventListener("change", () => {
  const path = new URL(".", document.baseURI).pathname;
  document.cookie = `alasl-language=${$("language").value}; path=${path}; max-age=31536000; samesite=strict`;
  location.reload();
});
try {
  $("person").value = localStorage.getItem("alasl:owner") ?? "";
  $("person").addEventListener("change", () => localStorage.setItem("alasl:owner", $("person").value));
} catch {
  // It is typed anew each time.
}
stands();
open();
suspects();
setInterval(() => {
  if (document.hidden) return;
  stands();
  open();
}, AGAIN);
