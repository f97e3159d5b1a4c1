// The tree with a cut: in which order its sites stand, and which side every index still hangs together with.
"use strict";

export const FREE = 0, IN_A = 1, IN_B = 2, CUT = 3;
export const STYLES = ["free", "a", "b", "cut"];

// Sites in the order of the tree, so that no lines cross.
export function leaves(tree) {
  let order = tree[tree.length - 1].map((_, node) => node);
  for (const level of [...tree].reverse()) order = order.flatMap((node) => level[node]);
  return order;
}

// For the sites and the nodes of every level the first place below them and the one after the last, in that order.
export function spans(tree) {
  const places = [];
  leaves(tree).forEach((site, place) => (places[site] = [place, place + 1]));
  const found = [places];
  for (const level of tree) {
    const below = found[found.length - 1];
    found.push(level.map((children) => [
      Math.min(...children.map((child) => below[child][0])), Math.max(...children.map((child) => below[child][1])),
    ]));
  }
  return found;
}

// One style for every index, sites first, then level by level: severed, or the side of the sites it is joined with.
export function styles(tree, mask, edges) {
  const counts = [mask.length, ...tree.map((level) => level.length)];
  const found = counts.map((count) => new Uint8Array(count));
  for (const [level, position] of edges) found[level + 1][position] = CUT;
  const up = parents(tree, counts);
  const joined = counts.map((count) => new Array(count).fill(null));
  for (let level = counts.length - 1; level >= 0; level--) {
    for (let k = 0; k < counts[level]; k++) {
      const above = level + 1 < counts.length ? joined[level + 1][up[level][k]] : null;
      joined[level][k] = found[level][k] === CUT ? null : above ?? { side: FREE };
    }
  }
  mask.forEach((inA, site) => {
    if (joined[0][site]) joined[0][site].side = inA ? IN_A : IN_B;
  });
  joined.forEach((level, number) => level.forEach((part, k) => part && (found[number][k] = part.side)));
  return found;
}

export function parents(tree, counts) {
  return tree.map((level, number) => {
    const up = new Int32Array(counts[number]);
    level.forEach((children, node) => children.forEach((child) => (up[child] = node)));
    return up;
  });
}
