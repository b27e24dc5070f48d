import "../../styles/tokens.css";
import "../../styles/base.css";
import "../../styles/content.css";
import "../../styles/browser.css";
import { boot } from "../../state/boot";
import { BrowserView } from "./Browser";
import { Browser } from "./state";

void boot("browser", (link) => <BrowserView browser={new Browser(link)} />);
