// Begins the page.

import { render } from "preact";
import { startKeeping } from "./keeping";
import { Shell } from "./shell";
import "./style/tokens.css";
import "./style/base.css";
import "./style/forms.css";
import "./style/desk.css";
import "./style/charts.css";
import "./style/answers.css";
import "./style/fabric.css";

const page = document.getElementById("page");
if (!page) throw new Error("the page has no place to stand");
startKeeping();
render(<Shell />, page);
