/** The two palettes. `c1`…`c6` are chart lines, chosen to differ in lightness as well as in hue. */

export const LIGHT = `
  --page: #f6f8fa; --surface: #ffffff; --ink: #15212c; --muted: #566573; --line: #dfe5ea; --line-strong: #c3ccd4;
  --accent: #0f5fae; --pass: #0b7a4b; --fail: #b8322a; --warn: #8a5a00; --limit: #b8322a; --grid: #e4e9ee; --shade: #eef2f5; --edge: #c9d2da;
  --c1: #1d8a83; --c2: #4a86d8; --c3: #15479e; --c4: #7a4fb5; --c5: #b0621b; --c6: #6c7a87; --heat-line: #d9480f;
`;

export const DARK = `
  --page: #0d141b; --surface: #141d26; --ink: #e8eef4; --muted: #9babb9; --line: #26323e; --line-strong: #3b4a59;
  --accent: #78b8f8; --pass: #4fc78f; --fail: #ff8b80; --warn: #e8b558; --limit: #ff8b80; --grid: #212d38; --shade: #1b2631; --edge: #3d4d5c;
  --c1: #3fb5a8; --c2: #5d93e6; --c3: #9ccbff; --c4: #b795f0; --c5: #e09a55; --c6: #8796a5; --heat-line: #ffa94d;
`;
