/** Text in XML 1.0. */

/** What no XML document may hold, not even escaped: control characters, lone surrogates, U+FFFE and U+FFFF. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** The content of an element. What XML can't hold becomes U+FFFD. */
export function escapeXml(text: string): string {
  return replaced(text, /[&<>\r]/g);
}

/** Line ends in an attribute would be read as spaces. */
function escapeAttribute(text: string): string {
  return replaced(text, /[&<>"\t\n\r]/g);
}

function replaced(text: string, special: RegExp): string {
  return text.replace(FORBIDDEN, '\uFFFD').replace(special, (character) => ESCAPES[character]!);
}

export type XmlAttributes = Record<string, string | number>;

/** An element; `content` is XML already. */
export function xmlElement(name: string, attributes: XmlAttributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeAttribute(String(value))}"`);
  return content === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${content}</${name}>`;
}
