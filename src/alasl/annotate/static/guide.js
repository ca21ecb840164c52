// What is told of the project and its labels, as the server has it.

import { HERE } from "./labels.js";
import { get } from "./server.js";

const NOTHING = { about: "", colour: "", key: "", parents: [], examples: [], counter_examples: [] };

export const guide = {
  event: -1, // the change that it is of
  instructions: "",
  labels: [],

  of: (label) => guide.labels[label] ?? NOTHING,

  /** The label that a label is part of, else null. */
  parent: (label) => guide.of(label).parents.find((parent) => HERE.includes(parent)) ?? null,

  onchange() {},

  /** Ask for it, unless it is the one of this change already. */
  async fetch(event) {
    if (event === guide.event) return;
    guide.event = event;
    try {
      Object.assign(guide, await (await get("api/guide")).json());
    } catch {
      guide.event = -1; // with the next status
      return;
    }
    guide.onchange();
  },
};
