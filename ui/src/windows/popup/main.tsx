import "../../styles/tokens.css";
import "../../styles/base.css";
import "../../styles/content.css";
import "../../styles/popup.css";
import { warmUpSoon } from "../../markdown/warm";
import { boot } from "../../state/boot";
import { PopupView } from "./Popup";
import { Popup } from "./state";

void boot("popup", (link) => <PopupView popup={new Popup(link)} />).then(warmUpSoon);
