// The dates that were shown, as a calendar file. The instants are the server's; here they are only written down.

/** An iCalendar file (RFC 5545) with an entry for each consequence. */
export function calendar(consequences, { asOf, company, id }) {
  const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Lapse//Membership//EN", "METHOD:PUBLISH"];
  consequences.forEach((one, place) => {
    lines.push(
      "BEGIN:VEVENT",
      `UID:${escaped(one.uid ?? `${id}-${place}`)}@lapse`,
      `DTSTAMP:${compact(asOf)}`,
      `DTSTART:${compact(one.at)}`,
      "DURATION:PT0S",
      `SUMMARY:${escaped(`${company}: ${one.title}${one.kind === "number_fee" ? ` ${one.subject}` : ""}`)}`,
      "TRANSP:TRANSPARENT",
      "END:VEVENT",
    );
  });
  lines.push("END:VCALENDAR");
  return lines.flatMap(folded).join("\r\n") + "\r\n";
}

/** `2026-02-28T12:00:00Z` → `20260228T120000Z`. */
function compact(instant) {
  return instant.replace(/[-:]/g, "");
}

function escaped(text) {
  return String(text).replace(/[\u0000-\u001f\u007f]+/g, " ").replace(/[\\;,]/g, (mark) => `\\${mark}`);
}

/** A line may have 75 bytes; what is longer goes on after a space, and no character is cut in two. */
function folded(line) {
  const encoder = new TextEncoder();
  const parts = [];
  let part = "";
  let bytes = 0;
  for (const character of line) {
    const size = encoder.encode(character).length;
    if (bytes + size > 74) {
      parts.push(part);
      part = " ";
      bytes = 1;
    }
    part += character;
    bytes += size;
  }
  return [...parts, part];
}

/** Hands a file to whoever sits there. */
export function save(text, name, root, type = "text/calendar") {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.hidden = true;
  root.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
