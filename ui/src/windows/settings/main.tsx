import "../../styles/tokens.css";
import "../../styles/base.css";
import "../../styles/content.css";
import "../../styles/settings.css";
import { boot } from "../../state/boot";
import { SettingsView } from "./Settings";

void boot("settings", (link) => <SettingsView link={link} />);
