"""What the page says in words. Everything here is constant; figures are put in by `html`."""

MEASURES = {
    "coefficient": "The state is the coefficient tensor of a class's score: the features of a site "
    "are taken as orthonormal.",
    "function": "The state is a class's score as a function of the image, in L² of the product of "
    "the sites' own distributions: the Gram matrix of the features enters at every site, and sites "
    "are taken as independent.",
    "data": "The state is a class's score as a function of the image, in L² of the product of the "
    "real distributions of the two sides: sites within a side depend on each other as in the "
    "images.",
}

HOW_TO_READ = (
    "A partition splits the sites of the image (pixels or patches) into two sets A and B, the left "
    "and the right half for instance, and every figure below belongs to one partition and to the "
    "score of one class.",
    "The entanglement entropy S, in nats, says how much correlation between A and B the network "
    "models for that class: it is 0 if the score is a function of A times a function of B, and "
    "e<sup>S</sup> is the effective number of such products that it adds up.",
    "The widths of the channels set a ceiling that no weights can pass, S ≤ ln(min-cut), where the "
    "min-cut is the smallest product of widths that separates A from B in the network; colour "
    "shows how much of it is used.",
    "Beside every trained value stands that of the same network before training, so that what the "
    "weights learned is told apart from what the architecture gives to random weights.",
    "The Rényi entropy S₂ is a lower bound of S which can be computed for every partition; it has "
    "its own block and its own colours, and an S₂ is to be compared with other S₂ only, never with "
    "an S.",
)

HOW_TO_READ_NETWORK = (
    "A partition splits the sites of the network into two sets A and B, the left and the right half for instance, and "
    "every figure below belongs to one partition and to the state of one class.",
    "The entanglement entropy S, in nats, says how much correlation between A and B the state has: it is 0 if the "
    "state is a product of one of A and one of B, and e<sup>S</sup> is the effective number of such products that it "
    "adds up.",
    "The dimensions of the indices set a ceiling that no weights can pass, S ≤ ln(min-cut), where the min-cut is the "
    "smallest product of dimensions that separates A from B in the network; colour shows how much of it is used.",
    "S is exact, from the whole Schmidt spectrum; where that is out of reach there is the Rényi entropy S₂ alone, a "
    "lower bound of S from two replicas of the network, with its own block and its own colours.",
)

EXACT = "Exact, in nats. Printed: S; colour: its share of the ceiling at the head of each partition."

INTERVALS = (
    "With ±, where the spectrum is out of reach: the middle of rigorous bounds, drawn below as bars; "
    "○ is S₂. In the share of the ceiling a bar is the mean of the bounds."
)

MAPS = {
    "windows": (
        "S of every window",
        "Every window of every level of the network against all the rest, in nats; one scale of colour for all levels.",
    ),
    "sites": ("S of every site", "Every single site against all the rest, in nats."),
    "mutual": (
        "Mutual information of two sites",
        "I(i : j) = S(i) + S(j) − S(ij), in nats: an edge is wide and dark where two sites know much of each other; a "
        "site is coloured by its own S.",
    ),
}

RENYI = "A lower bound of S, in nats, with colours of its own: compare S₂ with S₂ only."

PARTITIONS = (
    'The image with <b class="side-a">A</b> and <b class="side-b">B</b>; beside it the network, '
    'sites below and output above: {drawn}. The <b class="cut">min-cut</b> is the cheapest set of '
    "shared channel indices whose removal separates A from B; an index is paid once, however many "
    "matrices meet in it."
)

NETWORK_PARTITIONS = (
    'The sites with <b class="side-a">A</b> and <b class="side-b">B</b>{drawn}. The <b class="cut">min-cut</b> is the '
    "cheapest set of indices whose removal separates A from B; an index is paid once, however many tensors meet in it."
)

NETWORK_DRAWN = (
    "; beside them the network, {view}: a dot is a tensor, a line an index, and where three or more tensors meet a "
    "small dot. Tensors have the colour of the side on which the cut leaves them"
)

VIEWS = {
    True: "seen from above, a tensor a site, with a ring where the cut takes the site's own index",
    False: "sites below, a square at the end of the class leg, lines that leave on one side coming in on the other",
}

NETWORK_WINDOWS = (
    "S of every block",
    "Every block of sites, those of 2, 4, .. a side or the network's own windows, against all the rest, in nats; one "
    "scale of colour for all sizes.",
)

SPECTRA = (
    "p<sub>k</sub>, the share of the k-th product of a function of A and a function of B, largest "
    "first; a line is a class, named at its end. <b>– –</b> mean over classes before training. A "
    "steep line is little correlation; a flat one would be the ceiling. What is below "
    "10<sup>−16</sup> is not drawn."
)

FIGURES = "Entropies in nats.{ranks} e<sup>S</sup>: effective rank; 1 − p<sub>1</sub>: geometric measure."

DEFINITIONS = (
    "p<sub>k</sub> = s<sub>k</sub>² / Σ s², with s<sub>k</sub> the singular values of the score as "
    "a matrix of A against B. S = −Σ p<sub>k</sub> ln p<sub>k</sub>; "
    "S₂ = −ln Σ p<sub>k</sub>²; S₂ ≤ S ≤ ln rank ≤ ln(min-cut)."
)

PAPER = (
    "Y. Levine, D. Yakira, N. Cohen, A. Shashua: <cite>Deep Learning and Quantum Entanglement: "
    "Fundamental Connections with Implications to Network Design</cite>, "
    '<a href="https://arxiv.org/abs/1704.01552">arXiv 1704.01552</a>'
)
