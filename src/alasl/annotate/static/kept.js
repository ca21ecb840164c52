// What the browser keeps, for each project apart.

export const storage = {
  prefix: `alasl:${document.body.dataset.project}:`,
  get(key, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(this.prefix + key, JSON.stringify(value));
      return true;
    } catch {
      return false; // full, or forbidden
    }
  },
  remove(key) {
    try {
      localStorage.removeItem(this.prefix + key);
    } catch {
      // It was never kept.
    }
  },
  keys(start) {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(this.prefix + start))
        .map((key) => key.slice(this.prefix.length))
        .sort();
    } catch {
      return [];
    }
  },
};

export const settings = {
  person: "",
  mode: "image",
  chosen: null,
  label: null,
  keys: true,
  shown: false,
  ...storage.get("settings", {}),
};

export function change(values) {
  Object.assign(settings, values);
  storage.set("settings", settings);
}
