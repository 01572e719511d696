//! Names: what may be chosen, and which look alike.

use nineflags::ids::AccountName;

fn name(text: &str) -> AccountName {
    text.parse().expect("a name")
}

/// Names that could pass for whoever runs the site, for the site itself or for a guest: with digits for letters, also at the
/// ends, and with other words.
const RESERVED: &str = "
    admin Admin ADMIN-1 Adm1n administrator the_admin Moderator m0derator rnoderator Super-Moderator
    Nine-Flags NineFlags nine_f1ags Nine-Flags-Team Guest Guest_123 guest123 Gue5t-9 -guest- 1Guest
    Computer Computer-Easy C0mputer_Hard cornputer system 5ystem System-1 mod Mod2 staff STAFF
    Support24 deleted Nobody bot 4dmin M0D3R4T0R 5t4ff 5upp0r7 NineF1ag 9flags Nin3-Flags
    Site-Admins SiteAdmins an-admin-x Support-Team supportteam Mod-Team MODTEAM Big_Mods_Here
    Staff-Member Ann_Operator Ann-the-mod GM GM-Ann GameMaster Game-Master-Ann sysop SysOps
    webmaster superuser Super-User The-Server TheServer theserver System-Message systemmessages
    Site-Owner Deleted_user Battle-Line BattleLineTeam no-reply NoReply-7 Announcement Announcements
    Notice Security Account Your-Account aGuest The-Guest Gu3st-123 Gvest-12 9uest-12 Guests
    Guestl23 GuestUser Guestplayer gUEST-x aDMIN-x sTAFF-Ann mOD gAMEmASTER
";

/// Names that only begin, end or go on like one of them.
const FREE: &str = "
    Ann ab A-b_9 Badminton Modesto Botticelli Theguest Helpmann Systole Hostetler x1
    Ann-with-a-secret Modest Modena Staffan Gmork Guesthouse Solar-System Random-Bot RandomBot
    A-Team Teammate Accountant Noticed Big-Flags The-Best Game-Night Real-Ann Anna-9m Supporter
    Hostess Rooted Vega Agent-7
";

#[test]
fn names_that_could_pass_for_others_cannot_be_chosen() {
    for text in RESERVED.split_whitespace() {
        assert!(name(text).fault_as_new().is_some(), "{text}");
    }
    for text in ["--", "__", "-_-", "12", "0-1", "123456"] {
        let fault = name(text).fault_as_new().expect("refused");
        assert!(fault.0.contains("at least one letter"), "{text}: {fault}");
    }
    for text in FREE.split_whitespace() {
        assert_eq!(name(text).fault_as_new(), None, "{text}");
    }
}

#[test]
fn names_that_are_hard_to_tell_apart_have_one_skeleton() {
    for (one, other) in [
        ("lIIl", "IllI"),
        ("Mira", "M1ra"),
        ("Mira", "mlra"),
        ("Otto", "0tt0"),
        ("Ann-Lee", "AnnLee"),
        ("Ann_Lee", "Ann-Lee"),
        ("Armand", "Arrnand"),
        ("Wanda", "vvanda"),
        ("Dora", "clora"),
        ("Zoe", "2oe"),
        ("Sam", "5am"),
        ("Bob", "8o8"),
    ] {
        assert_eq!(name(one).skeleton(), name(other).skeleton(), "{one} {other}");
    }
    for (one, other) in
        [("Ann", "Anna"), ("Mira", "Mara"), ("Ann3", "Ann4"), ("Otto", "Otta"), ("Noor", "Nora")]
    {
        assert_ne!(name(one).skeleton(), name(other).skeleton(), "{one} {other}");
    }
}
