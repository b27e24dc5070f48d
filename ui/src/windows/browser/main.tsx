import "../../styles/tokens.css";
import "../../styles/base.css";
import { boot } from "../../state/boot";

void boot("browser", () => <main />);
