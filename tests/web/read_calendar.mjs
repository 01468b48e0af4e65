// Prints the start of each event of the calendar on standard input, by UID, as ical.js reads it.
// The argument is the path of ical.js.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { default: ICAL } = await import(pathToFileURL(process.argv[2]));
const calendar = new ICAL.Component(ICAL.parse(readFileSync(0, "utf8")));
const starts = calendar.getAllSubcomponents("vevent").map((each) => {
  const event = new ICAL.Event(each);
  return [event.uid, event.startDate.toJSDate().toISOString()];
});
process.stdout.write(JSON.stringify(Object.fromEntries(starts)));
