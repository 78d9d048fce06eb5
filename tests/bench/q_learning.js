// The plain typed-array loop of Q-learning in JavaScript, the yardstick of test_tabular_speed.py.
// Reads {model arrays, alpha, gamma, epsilon, limit, steps, repeats} as JSON from stdin; prints steps per processor second of each repeat.
const task = JSON.parse(require("fs").readFileSync(0, "utf8"));
const { states, actions, outcomes, limit, alpha, gamma, epsilon, steps, repeats } = task;
const cumulative = Float64Array.from(task.cumulative);
const nextStates = Int32Array.from(task.next_states);
const starts = Float64Array.from(task.starts);
const rewards = Float64Array.from(task.rewards);
const terminated = Uint8Array.from(task.terminated);
const q = new Float64Array(states * actions);
const returns = new Float64Array(1 << 20);

let seed = 1;
function random() {  // mulberry32: 32 random bits
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

function begin() {
  const u = random();
  let state = 0;
  while (u >= starts[state]) state++;
  return state;
}

function learn(count) {
  let state = begin(), length = 0, earned = 0, ended = 0;
  for (let step = 0; step < count; step++) {
    let action = 0;
    if (random() < epsilon) {
      action = Math.floor(random() * actions);
    } else {
      let best = -Infinity, ties = 0;
      for (let a = 0; a < actions; a++) {
        const value = q[state * actions + a];
        if (value > best) { best = value; action = a; ties = 1; }
        else if (value === best && random() * ++ties < 1) action = a;
      }
    }
    const pair = state * actions + action;
    const u = random();
    let index = pair * outcomes;
    while (u >= cumulative[index]) index++;
    const next = nextStates[index], reward = rewards[index], ends = terminated[index];
    let best = 0;
    if (!ends) {
      best = -Infinity;
      for (let a = 0; a < actions; a++) best = Math.max(best, q[next * actions + a]);
    }
    q[pair] += alpha * (reward + gamma * best - q[pair]);
    state = next; length++; earned += reward;
    if (ends || length >= limit) { returns[ended++ & 0xfffff] = earned; state = begin(); length = 0; earned = 0; }
  }
}

learn(steps);  // warm up the optimiser
const rates = [];
for (let i = 0; i < repeats; i++) {
  const begun = process.cpuUsage();
  learn(steps);
  rates.push(steps / (process.cpuUsage(begun).user / 1e6));
}
console.log(JSON.stringify(rates));
