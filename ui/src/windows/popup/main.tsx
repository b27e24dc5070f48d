import "../../styles/tokens.css";
import "../../styles/base.css";
import "../../styles/content.css";
import "../../styles/popup.css";
import { boot } from "../../state/boot";
import { fetchLater } from "./later";
import { PopupView } from "./Popup";
import { Popup } from "./state";

void boot("popup", (link) => <PopupView popup={new Popup(link)} />).then(fetchLater);
